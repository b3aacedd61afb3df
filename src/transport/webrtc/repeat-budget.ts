/** How much may be sent again. */

import { as, type Millis } from "../../core/units.ts";

/** Share of the target. More than that missing means too much was sent; more of it would make it worse. */
const SHARE = 0.25;
/** What was not used of late may be used at once. */
const SAVED: Millis = as(1_000);

/** A token bucket of bytes. Lifetime: one connection. */
export class RepeatBudget {
  #target: number;
  #bytes: number;
  #filledAt: Millis;

  /** `target` in bit/s; the bucket begins full. */
  constructor(target: number, now: Millis) {
    this.#target = target;
    this.#filledAt = now;
    this.#bytes = this.#most;
  }

  set target(bitrate: number) {
    this.#target = bitrate;
  }

  /** Whether anything may be sent again at `now`. */
  isOpen(now: Millis): boolean {
    const gained = (SHARE * this.#target * (now - this.#filledAt)) / 8000;
    this.#filledAt = now;
    this.#bytes = Math.min(this.#most, this.#bytes + gained);
    return this.#bytes > 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  get #most(): number {
    return (SHARE * this.#target * SAVED) / 8000;
  }
}
