import { as, type Micros, type Millis } from "../../../src/core/units.ts";

/** RTP time of pictures: ticks a millisecond (RFC 6184, RFC 7741), and where it wraps. */
const TICKS = 90;
const WRAP = 2 ** 32;
/** Reports kept: the newest ones, because the server lays media time anew after a pause. */
const KEPT = 5;
/** A distance that differs from the others by this much belongs to another laying. */
const ANEW = 250 * TICKS;

/** A picture as it was shown. */
interface Shown {
  readonly rtp: number;
  readonly at: Millis;
}

/**
 * Estimates the media time of pictures that came over RTP: their time stamps start at random, and nothing in
 * them names a frame.
 *
 * A report of the server says which frame was the newest when it spoke. The picture that is shown `lag` after
 * that is taken for that frame; over several reports the median is kept. Off by a frame or two where the lag is
 * wrong. Pure: times are arguments.
 */
export class FrameClock {
  #shown: Shown | undefined;
  #distances: number[] = [];
  #waiting: { readonly pts: Micros; readonly due: Millis } | undefined;

  /**
   * The server's newest frame had `pts` when it spoke, heard at `at`; a frame is shown `lag` after it could be
   * heard of: what pictures take longer than messages.
   */
  reported(pts: Micros, at: Millis, lag: Millis): void {
    this.#waiting = { pts, due: as(at + lag) };
  }

  /** A picture of RTP time `rtp` was shown; returns its media time, undefined before that can be told. */
  shown(rtp: number, at: Millis): Micros | undefined {
    const waiting = this.#waiting;
    if (waiting !== undefined && at >= waiting.due) {
      this.#waiting = undefined;
      this.#keep(this.#rtpAt(waiting.due, { rtp, at }) - (waiting.pts / 1000) * TICKS);
    }
    this.#shown = { rtp, at };
    const distance = median(this.#distances);
    if (distance === undefined) return undefined;
    return as(Math.max(0, (nearest(rtp - distance) / TICKS) * 1000));
  }

  /** RTP time of the picture that was shown nearest to `due`: the one before, or `next`. */
  #rtpAt(due: Millis, next: Shown): number {
    const before = this.#shown;
    return before !== undefined && due - before.at < next.at - due ? before.rtp : next.rtp;
  }

  #keep(distance: number): void {
    const usual = median(this.#distances);
    if (usual !== undefined && Math.abs(wrapped(distance - usual)) > ANEW) this.#distances = [];
    const [first = distance] = this.#distances;
    // Beside the first one, so that a wrap between two reports does not matter.
    this.#distances.push(first + wrapped(distance - first));
    if (this.#distances.length > KEPT) this.#distances.shift();
  }
}

/** A difference of RTP times, the short way round. */
const wrapped = (ticks: number): number => {
  const rest = ((ticks % WRAP) + WRAP) % WRAP;
  return rest > WRAP / 2 ? rest - WRAP : rest;
};

/** Media time in ticks: never far below nought. */
const nearest = (ticks: number): number => {
  const rest = ((ticks % WRAP) + WRAP) % WRAP;
  return rest > WRAP - ANEW ? 0 : rest;
};

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
