/** Other sample rates, by FFmpeg's libraries inside this process. */

import { AV_CHANNEL_LAYOUT_MONO, AV_SAMPLE_FMT_FLT } from "node-av/constants";
import { SoftwareResampleContext } from "node-av/lib";
import { StreamError } from "../../core/errors.ts";

/** Gives one sound another sample rate, part by part. Lifetime: until `close`. */
export class Resampler {
  readonly #context = new SoftwareResampleContext();

  /** Units: samples a second. @throws {StreamError} `bad_parameter` for rates that cannot be had. */
  constructor(from: number, to: number) {
    const format = AV_SAMPLE_FMT_FLT;
    const layout = AV_CHANNEL_LAYOUT_MONO;
    const status = this.#context.allocSetOpts2(layout, format, to, layout, format, from);
    if (status < 0 || this.#context.init() < 0) {
      this.#context.free();
      throw new StreamError("bad_parameter", `sound of ${from} samples a second cannot be taken`);
    }
  }

  /** The next part. Shapes: float32 [n], mono, in, and as many as last as long out; a few are held back. */
  resample(samples: Float32Array): Float32Array {
    const input = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
    return this.#convert([input], samples.length);
  }

  /** What was held back, after the last part. */
  finish(): Float32Array {
    return this.#convert(null, 0);
  }

  close(): void {
    this.#context.free();
  }

  #convert(input: Buffer[] | null, count: number): Float32Array {
    const room = this.#context.getOutSamples(count);
    if (room <= 0) return new Float32Array();
    const samples = new Float32Array(room);
    const written = this.#context.convertSync([Buffer.from(samples.buffer)], room, input, count);
    if (written < 0) throw new StreamError("speech_failed", "a sound cannot be resampled");
    return samples.subarray(0, written);
  }
}
