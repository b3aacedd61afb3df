import { as, type Millis } from "../../core/units.ts";

/** How many times as long as the slowest of late a block may take. */
const SLACK = 30;
/** A block may take this long in any case: a machine that is busy elsewhere makes every engine slow for a moment. */
export const LEAST_BLOCK_DEADLINE: Millis = as(2_000);
/** Blocks that must be known before anything is concluded from them. */
const FEWEST_BLOCKS = 8;
/** What is left of a slow block's time in the judgement with each block after it. */
const FADING = 0.99;

/**
 * How long a block may take before its engine counts as hung, from how long blocks took.
 *
 * A model that makes blocks in 30 ms is not waited for as long as one that needs a second: whoever plays sees at once
 * that the picture stands still. Never above the deadline of every other call.
 */
export class BlockDeadline {
  readonly #most: Millis;
  #blocks = 0;
  #slowest = 0;

  /** `most`: the deadline until enough blocks are known, and at any later time. */
  constructor(most: Millis) {
    this.#most = most;
  }

  /** A block was made in `took`. */
  made(took: Millis): void {
    this.#blocks += 1;
    this.#slowest = Math.max(took, this.#slowest * FADING);
  }

  /** How long the next block may take. */
  get current(): Millis {
    if (this.#blocks < FEWEST_BLOCKS) return this.#most;
    return as(Math.min(this.#most, Math.max(LEAST_BLOCK_DEADLINE, SLACK * this.#slowest)));
  }
}
