/** A third of the samples: 48 kHz to 16 kHz. */

export const FACTOR = 3;
/** Length of the filter; it delays by half of it, 0.5 ms. */
const TAPS = 49;

/** At 48 kHz, of gain 1: a windowed sinc (Hamming) that lets 7 kHz through and stops what 16 kHz cannot hold. */
export const FILTER = ((): Float32Array => {
  const cut = 7_000 / 48_000;
  const taps = Float32Array.from({ length: TAPS }, (_, i) => {
    const x = i - (TAPS - 1) / 2;
    const sinc = x === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * x) / (Math.PI * x);
    return sinc * (0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (TAPS - 1)));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
})();

/** Filters and thins one sound, part by part. Sample n of the result is of sample 3n of what went in. */
export class Decimator {
  #held: Float32Array = new Float32Array(TAPS - 1);

  /** Shapes: float32 [n] in, float32 [about n / 3] out. */
  decimate(samples: Float32Array): Float32Array {
    const whole = new Float32Array(this.#held.length + samples.length);
    whole.set(this.#held);
    whole.set(samples, this.#held.length);
    const count = Math.max(0, Math.ceil((whole.length - TAPS + 1) / FACTOR));
    const thinned = Float32Array.from({ length: count }, (_, i) => filtered(whole, i * FACTOR));
    this.#held = whole.slice(count * FACTOR);
    return thinned;
  }
}

function filtered(samples: Float32Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < TAPS; i++) sum += (FILTER[i] ?? 0) * (samples[at + i] ?? 0);
  return sum;
}
