import type { Clock } from "../core/clock.ts";
import { as, type Millis } from "../core/units.ts";

/**
 * Calls back once, a fixed time after it was last armed or touched.
 *
 * Lifetime: until it fires, is disarmed, or its owner's signal aborts. Touching is cheap.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #duration: Millis;
  readonly #expired: () => void;
  #from: Millis = as(0);
  #armed: AbortController | undefined;

  constructor(clock: Clock, duration: Millis, expired: () => void) {
    this.#clock = clock;
    this.#duration = duration;
    this.#expired = expired;
  }

  /** Time left; undefined while not armed. */
  get remaining(): Millis | undefined {
    if (this.#armed === undefined) return undefined;
    return as(Math.max(0, this.#from + this.#duration - this.#clock.now()));
  }

  /** Begin to count, or begin again, from `ago` before now. */
  arm(owner: AbortSignal, ago: Millis = as(0)): void {
    this.#from = as(this.#clock.now() - ago);
    if (this.#armed !== undefined || owner.aborted) return;
    this.#armed = new AbortController();
    const signal = AbortSignal.any([this.#armed.signal, owner]);
    void this.#run(signal);
  }

  /** Count from here again. */
  touch(): void {
    this.#from = this.#clock.now();
  }

  disarm(): void {
    this.#armed?.abort();
    this.#armed = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      for (let left = this.remaining; left !== undefined && left > 0; left = this.remaining) {
        await this.#clock.sleep(left, signal);
      }
    } catch {
      // Only an abort ends the sleep early: there is nothing left to call back for.
      return;
    }
    this.#armed = undefined;
    if (!signal.aborted) this.#expired();
  }
}
