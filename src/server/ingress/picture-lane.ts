import type { Clock } from "../../core/clock.ts";
import type { Millis } from "../../core/units.ts";
import type { PictureDecoder } from "../../media/codecs/decode.ts";
import type { IncomingVideo, RtcVideoCodec } from "../../transport/webrtc/contract.ts";

/** A picture of a camera, as a model may take it. */
export interface IngressFrame {
  /** [height, width, 3], uint8; only read. */
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** How many pictures came before it. */
  readonly number: number;
  /** RTP time at 90 kHz. */
  readonly rtpTime: number;
}

/** What comes in, in numbers. */
export interface VideoFigures {
  readonly codec: RtcVideoCodec;
  readonly width: number;
  readonly height: number;
  /** Pictures decoded in the last second. */
  readonly fps: number;
  readonly frames: number;
  /** Pictures that were broken, or came faster than they could be decoded. */
  readonly dropped: number;
}

/** What a lane of pictures needs. */
export interface PictureLaneParts {
  readonly open: (codec: RtcVideoCodec) => Promise<PictureDecoder>;
  /** Size of the decoded pictures. */
  readonly size: { readonly width: number; readonly height: number };
  readonly clock: Clock;
  readonly requestKeyframe: () => void;
}

/** Pictures that may wait for the decoder; beyond them all are dropped up to the next key picture. */
const MOST_WAITING = 8;
const SECOND = 1_000;
/** Between two requests for a key picture, milliseconds. */
const REQUEST_SPACING = 300;

/**
 * Decodes one publisher's pictures and keeps the newest.
 *
 * Lifetime: until `close`. What is broken is dropped, and a key picture asked for.
 */
export class PictureLane {
  readonly #parts: PictureLaneParts;
  readonly #waiting: IncomingVideo[] = [];
  /** When the pictures of the last second were decoded. */
  readonly #decodedAt: Millis[] = [];
  #decoder: PictureDecoder | undefined;
  #codec: RtcVideoCodec | undefined;
  #latest: IngressFrame | undefined;
  #source = { width: 0, height: 0 };
  #frames = 0;
  #dropped = 0;
  #requestedAt = Number.NEGATIVE_INFINITY;
  #needsKey = true;
  #isBusy = false;
  #isClosed = false;

  constructor(parts: PictureLaneParts) {
    this.#parts = parts;
  }

  /** The newest picture; undefined before the first. */
  get latest(): IngressFrame | undefined {
    return this.#latest;
  }

  get figures(): VideoFigures | undefined {
    if (this.#codec === undefined) return undefined;
    const since = this.#parts.clock.now() - SECOND;
    const fps = this.#decodedAt.filter((at) => at > since).length;
    const [frames, dropped] = [this.#frames, this.#dropped];
    return { codec: this.#codec, ...this.#source, fps, frames, dropped };
  }

  push(picture: IncomingVideo): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= MOST_WAITING) this.#startAgain(this.#waiting.splice(0).length);
    if (this.#needsKey && !picture.key) {
      this.#startAgain(1);
      return;
    }
    this.#needsKey = false;
    this.#waiting.push(picture);
    if (!this.#isBusy) void this.#drain();
  }

  /** Forget everything; a picture that is being decoded ends first. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#latest = undefined;
    if (!this.#isBusy) this.#release();
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#decode(next);
      } catch {
        // Whatever is wrong with it, a fresh decoder and a key picture mend it.
        this.#release();
        this.#startAgain(1 + this.#waiting.splice(0).length);
      }
    }
    this.#isBusy = false;
    if (this.#isClosed) this.#release();
  }

  async #decode({ codec, data, rtpTime }: IncomingVideo): Promise<void> {
    this.#decoder ??= await this.#parts.open(codec);
    const picture = await this.#decoder.decode(data);
    if (picture === undefined || this.#isClosed) return;
    const { clock, size } = this.#parts;
    this.#latest = { rgb: picture.rgb, ...size, number: this.#frames, rtpTime };
    this.#frames += 1;
    this.#codec = codec;
    this.#source = picture.source;
    const now = clock.now();
    this.#decodedAt.push(now);
    while ((this.#decodedAt[0] ?? now) <= now - SECOND) this.#decodedAt.shift();
  }

  #startAgain(dropped: number): void {
    this.#needsKey = true;
    this.#dropped += dropped;
    const now = this.#parts.clock.now();
    if (now - this.#requestedAt < REQUEST_SPACING) return;
    this.#requestedAt = now;
    this.#parts.requestKeyframe();
  }

  #release(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
  }
}
