import { as, type Millis } from "../../src/core/units.ts";

/** First wait and longest wait between attempts to come back. */
export const BACKOFF = { first: 150, longest: 3_000 } as const;

/**
 * How long to wait before attempt `attempt` (from 0): doubles up to a bound, spread by `chance` so that
 * many clients of one restarted server do not return in the same instant.
 *
 * Units: `chance` in [0, 1) takes away up to half of the wait.
 */
export const backoff = (attempt: number, chance: number): Millis =>
  as(Math.min(BACKOFF.longest, BACKOFF.first * 2 ** attempt) * (1 - chance / 2));
