/** When what was said is shown and heard: pure functions of what a page noted. Times are milliseconds. */

import type { Round, Sitting } from "../page/sitting.ts";

const RATE = 16_000;
/** A click that is heard further than this from its picture belongs to another one. */
const NEAR_MS = 450;

/** Media time of a round's sample, in frames. */
const frameOf = ({ frameRate }: Sitting, { begins }: Round, sample: number): number =>
  (begins / 1e6 + sample / RATE) * frameRate;

/** `playedMs` is a whole number. */
const TORN_MS = 2;

/**
 * Milliseconds of silence inside a round: sound that comes as it is spoken and misses a block is heard a block later, and
 * all that follows it.
 */
export const tornMs = ({ begins, ends, playedMs }: Round): number => {
  const torn = (ends - begins) / 1000 - playedMs;
  return torn > TORN_MS ? torn : 0;
};

/** When the frame that lasts at `media` frames was first drawn; undefined when it never was. */
const drawnAt = ({ shown }: Sitting, media: number): number | undefined =>
  shown.find(([, frame]) => frame === Math.floor(media))?.[0];

/**
 * How long it took from the moment each piece of sound was there until the frame with its newest sample was drawn.
 *
 * Frames that were never drawn count as the next one that was; of a torn round the latest frame counts that may show it.
 */
export function mouthDelays(sitting: Sitting): number[] {
  return sitting.rounds.flatMap((round) =>
    round.sent.flatMap(([at, samples]) => {
      const late = (tornMs(round) * sitting.frameRate) / 1000;
      const frame = Math.floor(frameOf(sitting, round, samples - 1) + late);
      const drawn = sitting.shown.find(([, shown]) => shown >= frame)?.[0];
      return drawn === undefined ? [] : [drawn - at];
    }),
  );
}

/**
 * How much later than its place in the pictures each click of a round was heard; `clicks` are samples of what was said.
 *
 * Nothing of a torn round: where its clicks lie is not known.
 */
export function clickSkews(sitting: Sitting, round: Round, clicks: readonly number[]): number[] {
  if (tornMs(round) > 0) return [];
  return clicks.flatMap((sample) => {
    const media = frameOf(sitting, round, sample);
    const drawn = drawnAt(sitting, media);
    if (drawn === undefined) return [];
    const due = drawn + ((media - Math.floor(media)) * 1000) / sitting.frameRate;
    const skews = sitting.clicks.map((heard) => heard - due);
    const [nearest] = skews.toSorted((a, b) => Math.abs(a) - Math.abs(b));
    return nearest === undefined || Math.abs(nearest) > NEAR_MS ? [] : [nearest];
  });
}

/** Distinct frames drawn a second while something was said. */
export function framesPerSecond({ shown, rounds }: Sitting): number {
  const [from, to] = [rounds[0]?.sent[0]?.[0] ?? 0, rounds.at(-1)?.sent.at(-1)?.[0] ?? 0];
  const during = shown.filter(([at]) => at >= from && at <= to);
  const span = (during.at(-1)?.[0] ?? 0) - (during[0]?.[0] ?? 0);
  return (1000 * (new Set(during.map(([, frame]) => frame)).size - 1)) / span;
}

/** Index into what was said first, in frames, of each frame that was drawn while it was; with its place in `shown`. */
export function saidFrames(sitting: Sitting, frames: number): { index: number; said: number }[] {
  const [round] = sitting.rounds;
  if (round === undefined) return [];
  const first = Math.round(frameOf(sitting, round, 0));
  return sitting.shown.flatMap(([, frame], index) => {
    const said = frame - first;
    return said >= 0 && said < frames ? [{ index, said }] : [];
  });
}

/** Pearson's correlation of two tracks of equal length. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [over, squareA, squareB] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const [da, db] = [value - meanA, (b[i] ?? 0) - meanB];
    over += da * db;
    squareA += da * da;
    squareB += db * db;
  }
  return over / Math.sqrt(squareA * squareB);
}
