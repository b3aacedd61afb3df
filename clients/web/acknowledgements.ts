/**
 * What may be acknowledged: everything up to the oldest picture that is still being decoded. Sound counts as done
 * when it came: it is never held back. Pictures are decoded in order, so that one done settles those before it.
 */
export class Acknowledgements {
  #pictures: number[] = [];
  #newest = 0;

  /** A picture came, and will be decoded. */
  picture(sequence: number): void {
    this.#pictures.push(sequence);
    this.#newest = sequence;
  }

  /** A piece of sound came; returns what to acknowledge, undefined while a picture is being decoded. */
  sound(sequence: number): number | undefined {
    this.#newest = sequence;
    return this.#pictures.length === 0 ? sequence : undefined;
  }

  /** A picture was decoded or thrown away; returns what to acknowledge. */
  done(sequence: number): number {
    const at = this.#pictures.indexOf(sequence);
    if (at < 0) return sequence;
    this.#pictures = this.#pictures.slice(at + 1);
    const [oldest] = this.#pictures;
    return oldest === undefined ? this.#newest : (oldest - 1) >>> 0;
  }

  /** A new connection counts from nought. */
  clear(): void {
    this.#pictures = [];
    this.#newest = 0;
  }
}
