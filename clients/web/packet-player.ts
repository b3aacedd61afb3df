import { as, type Millis, microsToMillis } from "../../src/core/units.ts";
import type { MediaHeader, PictureCodec } from "../../src/protocol/media-frame.ts";
import { decodeMediaFrame } from "../../src/protocol/media-frame.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { CodecLadder } from "./codecs.ts";
import type { PictureConfig } from "./decode-messages.ts";
import { Decoding } from "./decoding.ts";
import type { Player, PlayerHandlers } from "./player.ts";
import { Presenter } from "./presenter.ts";
import type { SoundPosition } from "./sound/messages.ts";
import type { SessionAudio, Speaker } from "./sound/session-audio.ts";
import { outputTimeOf, SoundClock } from "./sound/sound-clock.ts";

/** What a packet player is made of. */
export interface PacketPlayerParts {
  readonly canvas: HTMLCanvasElement;
  readonly audio: SessionAudio;
  readonly workerUrl: string | URL;
  readonly workletUrl: string | URL;
  /** What this browser decodes, best first. */
  readonly codecs: readonly PictureCodec[];
}

/** What a packet player asks of its owner, besides what every player tells. */
export interface PacketPlayerHandlers extends PlayerHandlers {
  /** Everything up to `sequence` is decoded or thrown away. */
  acknowledge(sequence: number): void;
  /** Frames were thrown away. */
  skipped(frames: number): void;
  /** Nothing can be shown until a key packet comes; `failed` when the decoder broke. */
  keyWanted(failed: boolean): void;
  /** The decoder keeps failing: go on with one of `codecs`. */
  codecsLeft(codecs: readonly PictureCodec[]): void;
  /** Nothing will be shown any more. */
  broken(reason: string): void;
}

/** Smooths the measured skew over about a second of frames. */
const SKEW_GLIDE = 0.05;

/**
 * Decodes media messages, draws their pictures and plays their sound, pictures following the sound.
 *
 * Lifetime: one worker, one animation-frame loop and, once sound came, one worklet; until `close`.
 */
export class PacketPlayer implements Player {
  readonly #parts: PacketPlayerParts;
  readonly #handlers: PacketPlayerHandlers;
  readonly #decoding: Decoding;
  readonly #presenter: Presenter;
  readonly #ladder: CodecLadder;
  readonly #acknowledgements = new Acknowledgements();
  readonly #soundClock = new SoundClock();
  #isConfigured = false;
  #codec: PictureCodec = "rgb";
  #speaker: Promise<Speaker | undefined> | undefined;
  #isClosed = false;
  #skew: number | undefined;

  constructor(parts: PacketPlayerParts, handlers: PacketPlayerHandlers) {
    const { canvas, codecs, workerUrl } = parts;
    this.#parts = parts;
    this.#handlers = handlers;
    this.#ladder = new CodecLadder(codecs);
    this.#presenter = new Presenter(canvas, {
      drawn: (header, at) => {
        this.#measureSkew(header, at);
        handlers.drawn(header, at);
      },
      skipped: (frames) => {
        handlers.skipped(frames);
      },
    });
    this.#decoding = this.#openDecoding(workerUrl);
  }

  get skew(): Millis | undefined {
    const isHeard = this.#soundClock.offset(as(performance.now())) !== undefined;
    return isHeard && this.#skew !== undefined ? as(this.#skew) : undefined;
  }

  configure(config: PictureConfig): void {
    this.#isConfigured = true;
    this.#decoding.configure(config);
  }

  event(): void {
    // Packets say themselves what they are.
  }

  measured(): void {
    // The network's state changes nothing here.
  }

  /**
   * Take one media message. Owns: the buffer moves to the worker and is empty here afterwards.
   *
   * @throws {StreamError} `bad_message` when it is none.
   */
  media(message: ArrayBuffer): void {
    const { header } = decodeMediaFrame(new Uint8Array(message));
    if (header.kind === "audio") {
      const done = this.#acknowledgements.sound(header.sequence);
      if (done !== undefined) this.#handlers.acknowledge(done);
      this.#speaker ??= this.#openSpeaker();
    } else {
      if (!this.#isConfigured) return;
      if (header.codec !== "opus") this.#codec = header.codec;
      this.#acknowledgements.picture(header.sequence);
    }
    this.#decoding.decode(header, message);
  }

  clear(): void {
    this.#acknowledgements.clear();
    this.#presenter.clear();
  }

  close(): void {
    this.#isClosed = true;
    this.#decoding.close();
    this.#presenter.close();
    void this.#speaker?.then((speaker) => speaker?.close());
  }

  #openDecoding(workerUrl: string | URL): Decoding {
    const handlers = this.#handlers;
    return new Decoding(workerUrl, {
      picture: (header, picture) => {
        this.#ladder.decoded();
        handlers.acknowledge(this.#acknowledgements.done(header.sequence));
        this.#presenter.follow(this.#soundClock.offset(as(performance.now())));
        this.#presenter.push(header, picture);
      },
      discarded: (header) => {
        handlers.skipped(1);
        handlers.acknowledge(this.#acknowledgements.done(header.sequence));
        handlers.keyWanted(false);
      },
      needKey: (reason) => {
        this.#decodeFailed(reason);
      },
      broken: (reason) => {
        handlers.broken(reason);
      },
    });
  }

  /** Try again from a key packet; after several failures in a row ask for the next codec. */
  #decodeFailed(reason: string): void {
    this.#handlers.keyWanted(true);
    const codecs = this.#ladder.failed(this.#codec);
    if (codecs?.length === 0) this.#handlers.broken(reason);
    else if (codecs !== undefined) this.#handlers.codecsLeft(codecs);
  }

  /** A worklet that the worker's sound goes to; undefined where the browser refuses it. */
  async #openSpeaker(): Promise<Speaker | undefined> {
    const { audio, workletUrl } = this.#parts;
    const speaker = await audio.attachWorklet(workletUrl).catch(() => undefined);
    if (speaker === undefined || this.#isClosed) return speaker;
    const { port1, port2 } = new MessageChannel();
    this.#decoding.speakTo(port1);
    speaker.node.port.postMessage(port2, [port2]);
    speaker.node.port.addEventListener("message", ({ data }: MessageEvent<SoundPosition>) => {
      const now = as<Millis>(performance.now());
      this.#soundClock.tell(data, outputTimeOf(speaker.context, now), now);
    });
    speaker.node.port.start();
    return speaker;
  }

  #measureSkew({ pts }: MediaHeader, at: Millis): void {
    const offset = this.#soundClock.offset(at);
    if (offset === undefined) return;
    const skew = microsToMillis(pts) - (at - offset);
    this.#skew = this.#skew === undefined ? skew : this.#skew + (skew - this.#skew) * SKEW_GLIDE;
  }
}
