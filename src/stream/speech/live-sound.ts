/** A sound that comes in as it is spoken, such as a microphone's; only its newest part is of use. */

/** The newest samples of a live sound. */
export interface LiveSound {
  /**
   * The sound from sample `since` on, as far as it is kept; with `Infinity` where its end is.
   *
   * Shapes: float32 [n], mono, in [-1, 1], at the lane's rate.
   */
  read(since: number): { readonly first: number; readonly samples: Float32Array };
}

/** Kept between a live sound and its reader, so that packets may come a little late: 40 ms at 16 kHz. */
const MARGIN = 640;
/** A reader that is further behind goes on at the newest part: what is late is worth less than what is now. */
const MOST_BEHIND = 3_200;

/** Reads a live sound block by block, a little behind it. */
export class LiveReader {
  readonly #sound: LiveSound;
  #next: number | undefined;

  constructor(sound: LiveSound) {
    this.#sound = sound;
  }

  /** Fill `block` with what came in next; where too little did it is left as it is. */
  take(block: Float32Array): void {
    const samples = this.#read(block.length);
    if (samples.length < block.length) return;
    block.set(samples.subarray(0, block.length));
    this.#next = (this.#next ?? 0) + block.length;
  }

  /** Go on at the newest part next time. */
  skip(): void {
    this.#next = undefined;
  }

  /** What is there from the next sample on, for a block of `length`; `#next` is its first. */
  #read(length: number): Float32Array {
    const { first, samples } = this.#sound.read(this.#next ?? Number.POSITIVE_INFINITY);
    const isKept = this.#next === first && samples.length <= length + MOST_BEHIND;
    if (isKept) return samples;
    this.#next = Math.max(0, first + samples.length - length - MARGIN);
    return this.#sound.read(this.#next).samples;
  }
}
