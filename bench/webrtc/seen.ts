/** Figures from what a page saw and heard. Times are milliseconds; `from` and `to` are since 1970. */

import type { RtcObservation } from "../page/rtc-observation.ts";
import { quantile } from "../statistics.ts";
import { ageAt } from "./marked-time.ts";
import { VIDEO } from "./test-pictures.ts";

type Shown = RtcObservation["shown"];

/** What was shown from `from` until `to`. */
export const between = (shown: Shown, from: number, to = Infinity): Shown =>
  shown.filter(([at]) => at >= from && at <= to);

/** How old each picture was when it was shown. */
export const agesOf = (shown: Shown): number[] => shown.map(([at, , marked]) => ageAt(marked, at));

/** Gaps between pictures from `from` until `to`; the edges count as pictures. */
export function gapsOf(shown: Shown, from: number, to: number): number[] {
  const times = [from, ...between(shown, from, to).map(([at]) => at), to];
  return times.slice(1).map((at, i) => at - (times[i] ?? at));
}

/** Gaps longer than `limit`. */
export const freezesOf = (gaps: readonly number[], limit: number): number =>
  gaps.filter((gap) => gap > limit).length;

/** Growth of the pictures' age in milliseconds a minute: the least-squares slope over the medians of seconds. */
export function driftOf(shown: Shown): number {
  const start = shown[0]?.[0] ?? 0;
  const bySecond = new Map<number, number[]>();
  for (const [at, , marked] of shown) {
    const second = Math.floor((at - start) / 1000);
    bySecond.set(second, [...(bySecond.get(second) ?? []), ageAt(marked, at)]);
  }
  const points = [...bySecond].map(([second, ages]) => [second / 60, quantile(ages, 0.5)] as const);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return over / under;
}

/** A click and its picture are at most this far apart. */
const NEAR_MS = 450;

/** Of each click: when it was heard, and how much later than its picture was shown. */
export function skewsOf({ shown, clicks }: RtcObservation): (readonly [number, number])[] {
  const beats = shown.filter(([, frame]) => frame % VIDEO.frameRate === 0);
  return clicks.flatMap((click) => {
    const skews = beats.map(([at]) => click - at).filter((skew) => Math.abs(skew) < NEAR_MS);
    const [nearest] = skews.toSorted((a, b) => Math.abs(a) - Math.abs(b));
    return nearest === undefined ? [] : [[click, nearest] as const];
  });
}

/** Bits of video a second that came from `from` until `to`. */
export function rateOf({ received }: RtcObservation, from: number, to: number): number {
  const inside = received.filter(([at]) => at >= from && at <= to);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === undefined || first === last) return 0;
  return ((last[1] - first[1]) * 8000) / (last[0] - first[0]);
}
