import type { Clock } from "../core/clock.ts";
import { as, type Micros, type Millis } from "../core/units.ts";
import {
  beginAt,
  type Foresight,
  foresee,
  lead,
  type PacingState,
  pace,
  unforeseen,
  unpaced,
} from "../media/pacing.ts";

/** Holds a session to its media clock: when blocks are begun and when frames are let go. */
export class Pacer {
  readonly #clock: Clock;
  readonly #leadBound: Millis;
  #state: PacingState = unpaced;
  #foresight: Foresight = unforeseen;

  /** `leadBound`: how far ahead of its time a block may at most be begun. */
  constructor(clock: Clock, leadBound: Millis) {
    this.#clock = clock;
    this.#leadBound = leadBound;
  }

  /**
   * Wait until the block whose first frame is at `pts` should be begun.
   *
   * @throws the signal's reason when `signal` aborts first.
   */
  async begin(pts: Micros, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const at = beginAt(this.#state, pts, lead(this.#foresight, this.#leadBound), now);
    if (at > now) await this.#clock.sleep(as(at - now), signal);
  }

  /** Remember how long a block took, all waiting included. */
  made(blockTime: Millis): void {
    this.#foresight = foresee(this.#foresight, blockTime);
  }

  /**
   * Wait until the frame at `pts` is due; returns how late it was.
   *
   * @throws the signal's reason when `signal` aborts first.
   */
  async release(pts: Micros, signal: AbortSignal): Promise<Millis> {
    const now = this.#clock.now();
    const { state, at, late } = pace(this.#state, pts, now);
    this.#state = state;
    if (at > now) await this.#clock.sleep(as(at - now), signal);
    return late;
  }

  /** Forget the anchor: the next frame is let go at once, as after a pause. */
  restart(): void {
    this.#state = unpaced;
  }
}
