/**
 * When to release a frame, and when to begin making a block: pure functions of what happened and the time.
 *
 * Media time is tied to the clock by an anchor. A frame is due at the anchor's time plus its distance on
 * the media timeline. A frame that comes too late moves the anchor: what follows keeps its distance, and
 * nothing is ever sent in a burst to catch up.
 */

import { as, type Micros, type Millis, microsToMillis } from "../core/units.ts";

/** Ties one media time to one clock time. */
interface Anchor {
  readonly pts: Micros;
  readonly at: Millis;
}

/** Where pacing stands; `anchor` is null before the first frame and after a pause. */
export interface PacingState {
  readonly anchor: Anchor | null;
  /** The latest release so far. */
  readonly last: Millis | null;
}

/** One decision. */
export interface Release {
  readonly state: PacingState;
  /** Clock time at which to let the frame go; not before the frame ahead of it. */
  readonly at: Millis;
  /** How much later than due; 0 when in time. */
  readonly late: Millis;
}

/** Nothing released yet. */
export const unpaced: PacingState = { anchor: null, last: null };

/** Lateness that still keeps the anchor: less than this is jitter, more is a stall. */
export const STALL: Millis = as(100);

/** When a frame is due under `state`; `now` without an anchor. */
const dueAt = ({ anchor }: PacingState, pts: Micros, now: Millis): Millis =>
  anchor === null ? now : as(anchor.at + microsToMillis(as(pts - anchor.pts)));

/** Decide when the frame at `pts`, ready at `now`, is let go. */
export function pace(state: PacingState, pts: Micros, now: Millis): Release {
  const due = dueAt(state, pts, now);
  const late = as<Millis>(Math.max(0, now - due));
  const anchor = state.anchor === null || late > STALL ? { pts, at: now } : state.anchor;
  const at = as<Millis>(Math.max(due, now, state.last ?? now));
  return { state: { anchor, last: at }, at, late };
}

/** Recent block times kept to foresee the next one. */
const REMEMBERED = 32;
/** Share of blocks that are foreseen to be made in time: waiting for the slowest would make every picture older. */
const IN_TIME = 0.9;
/** Room for timers and scheduling on top of the foreseen block time. */
const MARGIN: Millis = as(3);

/** What is known of how long blocks take. */
export interface Foresight {
  readonly recent: readonly Millis[];
}

/** Nothing known: the whole bound is used as the lead. */
export const unforeseen: Foresight = { recent: [] };

/** Take one more measured block time into account. */
export const foresee = (foresight: Foresight, blockTime: Millis): Foresight => ({
  recent: [...foresight.recent, blockTime].slice(-REMEMBERED),
});

/**
 * How long before its first frame is due a block must be begun: what nine in ten of the recent blocks took, and a
 * margin, never more than `bound`. The others leave some milliseconds late, which players even out.
 */
export function lead({ recent }: Foresight, bound: Millis): Millis {
  const foreseen = recent.toSorted((a, b) => a - b)[Math.ceil(recent.length * IN_TIME) - 1];
  return foreseen === undefined ? bound : as(Math.min(bound, foreseen + MARGIN));
}

/**
 * When to begin the block whose first frame is at `pts`: as late as its lead allows, so that it samples the
 * newest controls; at once when there is no anchor.
 */
export const beginAt = (state: PacingState, pts: Micros, leadTime: Millis, now: Millis): Millis =>
  as(Math.max(now, dueAt(state, pts, now) - leadTime));
