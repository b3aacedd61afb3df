/** Three times the samples: 16 kHz to 48 kHz. */

import { FACTOR, FILTER } from "./decimator.ts";

/** Samples that one sample of the result is made of. */
const REACH = Math.ceil(FILTER.length / FACTOR);

/** Fills in one sound, part by part. Sample 3n of the result is of sample n of what went in, 0.5 ms late. */
export class Interpolator {
  #held: Float32Array = new Float32Array(REACH - 1);

  /** Shapes: float32 [n] in, float32 [3n] out. */
  interpolate(samples: Float32Array): Float32Array {
    const whole = new Float32Array(this.#held.length + samples.length);
    whole.set(this.#held);
    whole.set(samples, this.#held.length);
    this.#held = whole.slice(samples.length);
    return Float32Array.from({ length: samples.length * FACTOR }, (_, i) =>
      between(whole, Math.floor(i / FACTOR) + REACH - 1, i % FACTOR),
    );
  }
}

/** The sample `phase` thirds after `samples[at]`. */
function between(samples: Float32Array, at: number, phase: number): number {
  let sum = 0;
  for (let back = 0; back < REACH; back++) {
    sum += (FILTER[back * FACTOR + phase] ?? 0) * (samples[at - back] ?? 0);
  }
  return sum * FACTOR;
}
