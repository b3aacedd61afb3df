import type { Clock } from "../core/clock.ts";
import { as, type Millis } from "../core/units.ts";

/** How much is let through: so many a second, sustained, and a burst above that. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket, full at the start. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: Millis;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = clock.now();
  }

  /** Take one; false when there is none left. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Time until there is one to take. */
  get wait(): Millis {
    this.#fill();
    return as(Math.max(0, Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000)));
  }

  #fill(): void {
    const now = this.#clock.now();
    const gained = ((now - this.#filledAt) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
