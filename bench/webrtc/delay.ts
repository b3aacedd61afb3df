/** Bars 5 and 6: how old pictures are when they are shown, and how far sound is from sight. */

import type { BenchFigures } from "../bench.ts";
import type { RtcObservation, RtcWish } from "../page/rtc-observation.ts";
import { quantile, rounded } from "../statistics.ts";
import { WatchPage } from "./browser.ts";
import { pause, say, seconds, type Tools } from "./parts.ts";
import { agesOf, between, driftOf, freezesOf, gapsOf, skewsOf } from "./seen.ts";
import type { Source } from "./source.ts";

/** Before this long after the first picture, a player still adjusts itself. */
const SETTLE_MS = 3000;
const COMPARED_SECONDS = 60;
const FREEZE_MS = 250;

/** Measure both delays and both codecs, then aiortc. */
export async function delay(tools: Tools): Promise<BenchFigures> {
  const { server, aiortc, length } = tools;
  const compared = seconds(tools, COMPARED_SECONDS);
  const usual = await watch(tools, server, { delay: "default" }, length);
  const low = await watch(tools, server, { delay: "low" }, compared);
  const h264 = await watch(tools, server, { delay: "low", codec: "h264" }, compared);
  const other = await watch(tools, aiortc, {}, compared);
  const start = steadyStart(usual);
  const skews = skewsOf(usual).flatMap(([at, skew]) => (at >= start ? [skew] : []));
  return {
    ...ages("e2e_default", usual),
    ...ages("e2e", low),
    ...ages("e2e_h264", h264),
    ...ages("aiortc_e2e", other),
    drift_ms_per_min: rounded(driftOf(between(usual.shown, start)), 1),
    aiortc_drift_ms_per_min: rounded(driftOf(between(other.shown, steadyStart(other))), 1),
    fps: rounded(framesPerSecond(usual)),
    aiortc_fps: rounded(framesPerSecond(other)),
    freezes: freezesIn(usual),
    ...held("default", usual),
    ...held("low", low),
    skew_clicks: skews.length,
    skew_p50_ms: rounded(quantile(skews, 0.5), 1),
    skew_range_ms: [rounded(quantile(skews, 0), 1), rounded(quantile(skews, 1), 1)],
    skew_abs_p95_ms: rounded(skewP95(usual), 1),
    skew_low_abs_p95_ms: rounded(skewP95(low), 1),
    aiortc_skew_abs_p95_ms: rounded(skewP95(other), 1),
  };
}

interface DelayWish extends Pick<RtcWish, "codec"> {
  readonly delay?: "low" | "default";
}

async function watch(
  { browser }: Tools,
  source: Source,
  { delay: wanted, ...wish }: DelayWish,
  length: number,
): Promise<RtcObservation> {
  say(`${source.name}, ${wanted ?? "its own"} delay, ${wish.codec ?? "any codec"}, ${length} s`);
  const page = await WatchPage.open(browser, source);
  const stream = await source.open();
  const target = stream.target(wanted === undefined ? {} : { delay: wanted });
  const watching = await page.watch({ ...target, ...wish });
  await pause(length);
  const observation = await watching.observation();
  await watching.close();
  await stream.close();
  await page.close();
  return observation;
}

const steadyStart = ({ shown }: RtcObservation): number => (shown[0]?.[0] ?? 0) + SETTLE_MS;

function ages(prefix: string, observation: RtcObservation): BenchFigures {
  const steady = agesOf(between(observation.shown, steadyStart(observation)));
  return {
    [`${prefix}_p50_ms`]: rounded(quantile(steady, 0.5)),
    [`${prefix}_p95_ms`]: rounded(quantile(steady, 0.95)),
  };
}

const held = (name: string, { heldMs }: RtcObservation): BenchFigures => ({
  [`held_${name}_video_ms`]: rounded(heldMs.video, 1),
  [`held_${name}_sound_ms`]: rounded(heldMs.audio, 1),
});

function skewP95(observation: RtcObservation): number {
  const start = steadyStart(observation);
  const steady = skewsOf(observation).filter(([at]) => at >= start);
  return quantile(
    steady.map(([, skew]) => Math.abs(skew)),
    0.95,
  );
}

function framesPerSecond(observation: RtcObservation): number {
  const steady = between(observation.shown, steadyStart(observation));
  const span = (steady.at(-1)?.[0] ?? 0) - (steady[0]?.[0] ?? 0);
  return ((steady.length - 1) * 1000) / span;
}

function freezesIn(observation: RtcObservation): number {
  const { shown } = observation;
  return freezesOf(gapsOf(shown, steadyStart(observation), shown.at(-1)?.[0] ?? 0), FREEZE_MS);
}
