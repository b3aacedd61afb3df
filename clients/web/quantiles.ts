/** The last `capacity` values of a measured quantity, and their quantiles. */
export class RollingQuantiles {
  readonly #values: Float64Array;
  #count = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  /** Values held. */
  get size(): number {
    return Math.min(this.#count, this.#values.length);
  }

  /** The newest value, or undefined before the first. */
  get last(): number | undefined {
    return this.#count === 0 ? undefined : this.#values[(this.#count - 1) % this.#values.length];
  }

  push(value: number): void {
    this.#values[this.#count % this.#values.length] = value;
    this.#count += 1;
  }

  clear(): void {
    this.#count = 0;
  }

  /** The smallest held value that at least `share` of the held values do not exceed; NaN when empty. */
  at(share: number): number {
    const sorted = this.#values.slice(0, this.size).sort();
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }
}
