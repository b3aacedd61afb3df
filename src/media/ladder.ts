/**
 * Which of a few bitrates a viewer gets: a pure function of what its connection can take, and the time.
 *
 * Each rung is half of the one above it and is encoded once for all viewers that stand on it. A viewer steps
 * down at once, to the highest rung that fits, and up one rung at a time, after its connection had room for
 * it for a while. A step up that did not last makes the next wait longer.
 */

import { as, type BitsPerSecond, type Millis } from "../core/units.ts";

/** Where a viewer stands. */
export interface LadderState {
  /** Index of the rung; 0 is the highest. */
  readonly rung: number;
  /** Since when there has been room for the rung above. */
  readonly roomSince: Millis | null;
  /** How long there must be room before the next step up. */
  readonly patience: Millis;
  /** When the newest step up was made. */
  readonly steppedUpAt: Millis | null;
}

const MOST_RUNGS = 4;
const LOWEST: BitsPerSecond = as(100_000);
/** What sound and headers take of a connection, bits per second. */
const BESIDES_VIDEO = 80_000;
/** Share of the rest that video may fill. */
const FILL = 0.9;
/** Room that a rung must leave before a viewer steps up to it. */
const SPARE = 1.1;
const FIRST_PATIENCE: Millis = as(2_000);
const MOST_PATIENCE: Millis = as(32_000);
/** A step up that held for this long was right. */
const PROVEN: Millis = as(10_000);

/** The viewer begins at the top. */
export const topOfLadder: LadderState = {
  rung: 0,
  roomSince: null,
  patience: FIRST_PATIENCE,
  steppedUpAt: null,
};

/** The rungs for a viewer that wishes for `bitrate`, highest first. */
export function rungsOf(bitrate: BitsPerSecond): readonly BitsPerSecond[] {
  const rungs = Array.from({ length: MOST_RUNGS }, (_, i) => Math.round(bitrate / 2 ** i));
  return rungs.filter((rung, i) => i === 0 || rung >= LOWEST).map((rung) => as(rung));
}

/** Take the estimate `available` of a connection, made at `now`, into account. */
export function climb(
  state: LadderState,
  rungs: readonly BitsPerSecond[],
  available: BitsPerSecond,
  now: Millis,
): LadderState {
  const room = Math.max(0, available - BESIDES_VIDEO) * FILL;
  if (room < (rungs[state.rung] ?? 0) && state.rung < rungs.length - 1) {
    return stepDown(state, rungs, room, now);
  }
  const next = rungs[state.rung - 1];
  if (next === undefined || room < next * SPARE) return { ...state, roomSince: null };
  const roomSince = state.roomSince ?? now;
  if (now - roomSince < state.patience) return { ...state, roomSince };
  return { ...state, rung: state.rung - 1, roomSince: null, steppedUpAt: now };
}

function stepDown(
  { patience, steppedUpAt }: LadderState,
  rungs: readonly BitsPerSecond[],
  room: number,
  now: Millis,
): LadderState {
  const fitting = rungs.findIndex((rung) => rung <= room);
  const wasRash = steppedUpAt !== null && now - steppedUpAt < PROVEN;
  return {
    rung: fitting === -1 ? rungs.length - 1 : fitting,
    roomSince: null,
    patience: wasRash ? as(Math.min(MOST_PATIENCE, patience * 2)) : FIRST_PATIENCE,
    steppedUpAt: null,
  };
}
