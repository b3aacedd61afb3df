/**
 * Where media time stands in time as it passes: the one mapping that pictures and sound share.
 *
 * RTP time is the clock's own time at the rate of the track, so that sender reports never change their mind.
 * Media time is laid onto it: a packet's RTP time is when it should have been sent. Media time stands still while a
 * session is paused or an engine stalls; a packet that is too far off moves both tracks together.
 */

import { as, type Micros, type Millis } from "../../core/units.ts";

/** A packet that is later than this moves the timeline. */
const LATEST: Micros = as(100_000);
/** A packet that is earlier than this does. Wider, so that tracks which are apart do not pull in turns. */
const EARLIEST: Micros = as(250_000);

/** Time stamps of RTP are modulo this. */
const WRAP = 2 ** 32;

/** Lays media time onto the clock. Lifetime: one connection. */
export class MediaTimeline {
  #offset: number | undefined;
  #moves = 0;

  /** How often media time was laid anew; a track whose packets follow a move follows a silence. */
  get moves(): number {
    return this.#moves;
  }

  /** When, in microseconds of the clock, a packet of media time `pts` that is at hand at `now` is due. */
  place(pts: Micros, now: Millis): Micros {
    const at = now * 1000;
    const offset = this.#offset ?? at - pts;
    const early = pts + offset - at;
    if (this.#offset === undefined || early + LATEST < 0 || early > EARLIEST) {
      this.#offset = at - pts;
      this.#moves += 1;
    } else {
      this.#offset = offset;
    }
    return as(pts + this.#offset);
  }
}

/** RTP time of one track. */
export class TrackClock {
  readonly #rate: number;
  readonly #base: number;
  #last: number | undefined;

  /** `rate` in ticks a second; `base` is the random start that RFC 3550, section 5.1, asks for. */
  constructor(rate: number, base: number) {
    this.#rate = rate;
    this.#base = base;
  }

  /** RTP time at `at` of the clock. */
  at(at: Micros): number {
    return this.#stamp(this.#ticks(at));
  }

  /** RTP time for the track's next packet, due at `due`: never before the one before. */
  next(due: Micros): number {
    const ticks = this.#ticks(due);
    this.#last = this.#last === undefined ? ticks : Math.max(ticks, this.#last + 1);
    return this.#stamp(this.#last);
  }

  #ticks(at: Micros): number {
    return Math.round((at * this.#rate) / 1e6);
  }

  #stamp(ticks: number): number {
    return (this.#base + ticks) % WRAP;
  }
}
