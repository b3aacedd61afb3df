/**
 * The time of day in a marker's 24 bits: milliseconds modulo 2^24, about 4.7 hours.
 *
 * Everything runs on one machine, so that a page can tell from a picture how long ago it was drawn.
 */

const WRAP = 2 ** 24;

/** What to write into a marker at `now`, milliseconds since 1970. */
export const markedTime = (now: number): number => Math.floor(now) % WRAP;

/** Milliseconds from the time in a marker to `now`. */
export const ageAt = (marked: number, now: number): number => ((now % WRAP) - marked + WRAP) % WRAP;
