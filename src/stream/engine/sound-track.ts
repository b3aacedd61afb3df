import { as, frameTime } from "../../core/units.ts";
import { Interpolator } from "../../media/sound/interpolator.ts";
import { testSignal } from "../../media/sound/test-signal.ts";
import { PACKET_MICROS, PACKET_SAMPLES, type SoundEncoder } from "../../media/sound-encoder.ts";
import type { SoundPacket, SoundSource } from "./contract.ts";

/** The stretch of media time that a block fills. */
export interface BlockSpan {
  readonly firstFrame: number;
  readonly frames: number;
}

/**
 * One session's sound, encoded block by block on the media clock.
 *
 * Packets lie on a grid of 20 ms; each belongs to the block in which it begins. Lifetime: until `close`.
 */
export class SoundTrack {
  readonly #frameRate: number;
  readonly #openEncoder: () => Promise<SoundEncoder>;
  #encoder: SoundEncoder | undefined;
  #interpolator = new Interpolator();

  constructor(frameRate: number, openEncoder: () => Promise<SoundEncoder>) {
    this.#frameRate = frameRate;
    this.#openEncoder = openEncoder;
  }

  /**
   * The packets that begin in `span`; none while the session is silent.
   *
   * `voice`: what is said meanwhile, at 16 kHz, as long as `span` and a whole number of packets; without it there is no
   * voice to be heard.
   * @throws {StreamError} `encoder_failed`.
   */
  async encode(span: BlockSpan, source: SoundSource, voice?: Float32Array): Promise<SoundPacket[]> {
    const pcm = this.#pcm(source, voice);
    if (pcm === undefined) {
      this.close();
      return [];
    }
    this.#encoder ??= await this.#openEncoder();
    const encoder = this.#encoder;
    return packetsIn(span, this.#frameRate).map((index, i) => ({
      pts: as(index * PACKET_MICROS),
      duration: as(PACKET_MICROS),
      data: encoder.encode(pcm(index, i)),
    }));
  }

  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
    this.#interpolator = new Interpolator();
  }

  /** The samples of each packet, by its index on the grid and in the block; undefined for silence. */
  #pcm(
    source: SoundSource,
    voice: Float32Array | undefined,
  ): ((index: number, i: number) => Float32Array) | undefined {
    if (source === "test") {
      return (index) => testSignal(index * PACKET_SAMPLES, PACKET_SAMPLES, this.#frameRate);
    }
    if (source === "none" || voice === undefined) return undefined;
    const whole = this.#interpolator.interpolate(voice);
    return (_, i) => whole.subarray(i * PACKET_SAMPLES, (i + 1) * PACKET_SAMPLES);
  }
}

/** Indices on the packet grid that begin within `span`. */
function packetsIn({ firstFrame, frames }: BlockSpan, frameRate: number): number[] {
  const at = (frame: number) => Math.ceil(frameTime(frame, frameRate) / PACKET_MICROS);
  const first = at(firstFrame);
  return Array.from({ length: at(firstFrame + frames) - first }, (_, i) => first + i);
}
