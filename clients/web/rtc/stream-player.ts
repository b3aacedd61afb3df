import { markerLayout, readMarker } from "../../../src/core/marker.ts";
import { as, type Micros, type Millis } from "../../../src/core/units.ts";
import type { ModelSummary, ServerEvent } from "../../../src/protocol/events.ts";
import type { MediaHeader, PictureCodec } from "../../../src/protocol/media-frame.ts";
import { pictureContext } from "../canvas.ts";
import type { PictureConfig } from "../decode-messages.ts";
import type { NetworkSample } from "../network.ts";
import type { Player, PlayerHandlers } from "../player.ts";
import type { SessionAudio } from "../sound/session-audio.ts";
import { AppliedEpochs } from "./applied-epochs.ts";
import { FrameClock } from "./frame-clock.ts";

/** What a stream player is made of. */
export interface StreamPlayerParts {
  readonly stream: MediaStream;
  readonly canvas: HTMLCanvasElement;
  readonly model: ModelSummary;
  readonly audio: SessionAudio;
  /** Pictures carry markers: frames and epochs are read instead of estimated. */
  readonly hasMarkers: boolean;
}

/** How far the newest made frame is ahead of the newest sent one on average, in blocks: one to two. */
const BLOCKS_AHEAD = 1.5;

/**
 * Shows a peer connection's stream: a hidden video element keeps sound and picture together, and each of its
 * pictures is drawn on the canvas.
 *
 * Lifetime: until `close`.
 */
export class StreamPlayer implements Player {
  readonly #parts: StreamPlayerParts;
  readonly #handlers: PlayerHandlers;
  readonly #video = document.createElement("video");
  readonly #context: CanvasRenderingContext2D;
  readonly #clock = new FrameClock();
  readonly #epochs = new AppliedEpochs();
  readonly #detach: () => void;
  #lag: Millis = as(0);
  #codec: PictureCodec = "h264";
  #callback = 0;

  constructor(parts: StreamPlayerParts, handlers: PlayerHandlers) {
    this.#parts = parts;
    this.#handlers = handlers;
    this.#context = pictureContext(parts.canvas);
    const video = this.#video;
    video.srcObject = parts.stream;
    video.playsInline = true;
    this.#detach = parts.audio.attachStream(video, parts.stream);
    this.#next();
  }

  configure({ codec }: PictureConfig): void {
    this.#codec = codec === "vp8" ? "vp8" : "h264";
  }

  event(event: ServerEvent): void {
    if (event.type === "input.applied") this.#epochs.applied(event.epoch, event.pts);
    if (event.type === "stats.report") {
      this.#clock.reported(as(event.pts), as(performance.now()), as(this.#lag + this.#lead()));
    }
  }

  measured({ jitterBuffer = as(0), decodeTime = as(0) }: NetworkSample): void {
    this.#lag = as(jitterBuffer + decodeTime);
  }

  get skew(): undefined {
    return undefined;
  }

  clear(): void {
    this.#epochs.clear();
  }

  close(): void {
    this.#video.cancelVideoFrameCallback(this.#callback);
    this.#detach();
    this.#video.srcObject = null;
  }

  #next(): void {
    this.#callback = this.#video.requestVideoFrameCallback((_now, metadata) => {
      this.#next();
      this.#draw(metadata);
    });
  }

  #draw({ rtpTimestamp, mediaTime }: VideoFrameCallbackMetadata): void {
    const { canvas } = this.#parts;
    this.#context.drawImage(this.#video, 0, 0, canvas.width, canvas.height);
    const at = as<Millis>(performance.now());
    const pts = this.#clock.shown(rtpTimestamp ?? Math.round(mediaTime * 90_000), at);
    this.#handlers.drawn(this.#headerOf(pts), at);
  }

  /** Frames are made ahead of their time, a block or two: how long the newest one waits until it is sent. */
  #lead(): Millis {
    const { video, frames_per_block } = this.#parts.model;
    return as((BLOCKS_AHEAD * frames_per_block * 1000) / video.frame_rate);
  }

  /** What is known of the picture just drawn: read from its marker, or estimated from its time. */
  #headerOf(pts: Micros | undefined): MediaHeader {
    const { model, canvas, hasMarkers } = this.#parts;
    const { frame_rate } = model.video;
    const marker = hasMarkers ? markerOf(this.#context, canvas.width) : null;
    const frame = marker?.frame ?? Math.round(((pts ?? 0) * frame_rate) / 1e6);
    return {
      kind: "video",
      codec: this.#codec,
      key: false,
      discardable: false,
      endOfBlock: false,
      rendition: 0,
      sequence: 0,
      pts: marker === null ? (pts ?? as(0)) : as(Math.round((frame * 1e6) / frame_rate)),
      duration: as(Math.round(1e6 / frame_rate)),
      epoch: marker?.epoch ?? (pts === undefined ? 0 : this.#epochs.at(pts)),
      frame: as(frame),
      block: as(Math.floor(frame / model.frames_per_block)),
    };
  }
}

function markerOf(context: CanvasRenderingContext2D, width: number) {
  const { cell, rows } = markerLayout(width);
  return readMarker(context.getImageData(0, 0, width, cell * rows).data, width, 4);
}
