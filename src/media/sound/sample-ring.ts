/** What was heard last, by sample number. */

/** A part of a sound. */
export interface Samples {
  /** Number of the first sample. */
  readonly first: number;
  /** Mono, in [-1, 1]. */
  readonly samples: Float32Array;
}

/** Keeps the last `capacity` samples of a sound that begins at sample 0. */
export class SampleRing {
  readonly #ring: Float32Array;
  #end = 0;

  constructor(capacity: number) {
    this.#ring = new Float32Array(capacity);
  }

  /** Number of the sample that comes next. */
  get end(): number {
    return this.#end;
  }

  /** Number of the oldest sample that is kept. */
  get start(): number {
    return Math.max(0, this.#end - this.#ring.length);
  }

  write(samples: Float32Array): void {
    const { length } = this.#ring;
    const kept = samples.subarray(Math.max(0, samples.length - length));
    this.#end += samples.length;
    const from = (this.#end - kept.length) % length;
    const before = Math.min(kept.length, length - from);
    this.#ring.set(kept.subarray(0, before), from);
    this.#ring.set(kept.subarray(before), 0);
  }

  /** What is kept of the sound from sample `since` on. Owns: the samples are the caller's. */
  read(since: number): Samples {
    const first = Math.min(Math.max(Math.floor(since), this.start), this.#end);
    const { length } = this.#ring;
    const samples = new Float32Array(this.#end - first);
    const from = first % length;
    const before = this.#ring.subarray(from, Math.min(from + samples.length, length));
    samples.set(before);
    samples.set(this.#ring.subarray(0, samples.length - before.length), before.length);
    return { first, samples };
  }
}
