import { as, type Millis } from "../../../src/core/units.ts";

/** The server makes frames and none is decoded here for this long: the media do not get through. */
const STALLED_AFTER: Millis = as(4_000);

/**
 * Tells a connection whose messages get through and whose media do not, as behind some firewalls.
 * Pure: the time is an argument.
 */
export class StallWatch {
  #made = -1;
  #decoded = -1;
  /** Since when frames are made without one being decoded. */
  #since: Millis | undefined;

  /** The server's newest frame, as its report says. */
  made(frame: number, at: Millis): void {
    if (frame > this.#made) this.#since ??= at;
    this.#made = frame;
  }

  /** Frames decoded so far. True when the media are stalled. */
  isStalled(decoded: number, at: Millis): boolean {
    if (decoded !== this.#decoded) {
      this.#decoded = decoded;
      this.#since = undefined;
    }
    return this.#since !== undefined && at - this.#since >= STALLED_AFTER;
  }
}
