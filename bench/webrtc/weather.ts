/** Bars 8 and 9: what a viewer sees through loss, an outage and a bottleneck. */

import type { BenchFigures } from "../bench.ts";
import type { Weather } from "../relay/leg.ts";
import { FAIR, type RelayedLeg } from "../relay/relay.ts";
import { median, quantile, rounded } from "../statistics.ts";
import { type Watching, WatchPage } from "./browser.ts";
import { pause, rounds, say, seconds, type Tools } from "./parts.ts";
import { agesOf, between, freezesOf, gapsOf, rateOf } from "./seen.ts";
import type { Source } from "./source.ts";

/** What WHEP sends unless asked otherwise, and the most that aiortc gives to VP8. */
const BITRATE = 1_500_000;
const LOSS = 0.05;
const FREEZE_MS = 250;
const SETTLE_SECONDS = 8;
const LOSS_SECONDS = 20;
const OUTAGE_SECONDS = 1;
const AFTER_OUTAGE_SECONDS = 5;
const BOTTLENECK = { rate: 900_000, queue: 56_250 } as const;
const BOTTLENECK_SECONDS = 20;
/** What is sent must fit through the bottleneck by then. */
const ADAPTED_MS = 8000;
const RELEASED_SECONDS = 30;
/** The end of a stretch over which a rate is taken. */
const RATE_MS = 8000;

/** Measure Zoetrope, and aiortc where it is compared. */
export async function weather(tools: Tools): Promise<BenchFigures> {
  const loss: Lossy[] = [];
  const outages: number[] = [];
  const [bottlenecks, lowBottlenecks] = [[] as Bottleneck[], [] as Bottleneck[]];
  const [otherLoss, otherBottlenecks] = [[] as Lossy[], [] as Bottleneck[]];
  for (let round = 0; round < rounds(tools); round++) {
    loss.push(await lossy(tools, tools.server, round));
    outages.push(await outage(tools, round));
    bottlenecks.push(await bottleneck(tools, tools.server, round));
    lowBottlenecks.push(await bottleneck(tools, tools.server, round, "low"));
    otherLoss.push(await lossy(tools, tools.aiortc, round));
    otherBottlenecks.push(await bottleneck(tools, tools.aiortc, round));
  }
  return {
    loss5_freezes: median(loss.map(({ freezes }) => freezes)),
    loss5_longest_ms: rounded(median(loss.map(({ longest }) => longest))),
    loss5_e2e_p95_ms: rounded(median(loss.map(({ p95 }) => p95))),
    outage_1s_recovery_ms: rounded(median(outages)),
    outage_1s_recovery_range_ms: [rounded(quantile(outages, 0)), rounded(quantile(outages, 1))],
    ...bottleneckFigures("bottleneck", bottlenecks),
    ...bottleneckFigures("bottleneck_low", lowBottlenecks),
    aiortc_loss5_freezes: median(otherLoss.map(({ freezes }) => freezes)),
    aiortc_loss5_longest_ms: rounded(median(otherLoss.map(({ longest }) => longest))),
    ...bottleneckFigures("aiortc_bottleneck", otherBottlenecks),
  };
}

function bottleneckFigures(prefix: string, measured: readonly Bottleneck[]): BenchFigures {
  const freezes = measured.map(({ longest }) => longest / 1000);
  return {
    [`${prefix}_max_freeze_s`]: rounded(median(freezes)),
    [`${prefix}_max_freeze_range_s`]: [
      rounded(quantile(freezes, 0)),
      rounded(quantile(freezes, 1)),
    ],
    [`${prefix}_e2e_p95_ms`]: rounded(median(measured.map(({ p95 }) => p95))),
    [`${prefix}_recovered_pct`]: rounded(
      median(measured.map(({ recoveredPct }) => recoveredPct)),
      1,
    ),
  };
}

/** A viewer behind the relay. */
interface Viewer {
  readonly source: Source;
  readonly seed: number;
  readonly delay?: "low" | "default";
}

/** Watched until the picture is steady, then for what `during` does. */
async function through<T>(
  { browser, relay }: Tools,
  { source, seed, delay = "default" }: Viewer,
  during: (watching: Watching, leg: RelayedLeg) => Promise<T>,
): Promise<T> {
  const page = await WatchPage.open(browser, source);
  const leg = await relay.open(seed);
  const stream = await source.open();
  const watching = await page.watch(stream.target({ delay }), leg);
  await pause(SETTLE_SECONDS);
  const result = await during(watching, leg);
  await watching.close();
  await stream.close();
  await leg.close();
  await page.close();
  return result;
}

/** Sets the weather; returns when that was. */
async function change(leg: RelayedLeg, to: Weather): Promise<number> {
  await leg.weather(to);
  return Date.now();
}

interface Lossy {
  readonly freezes: number;
  readonly longest: number;
  readonly p95: number;
}

function lossy(tools: Tools, source: Source, round: number): Promise<Lossy> {
  const length = seconds(tools, LOSS_SECONDS);
  say(`${source.name}, ${LOSS * 100} % loss, ${length} s`);
  return through(tools, { source, seed: 11 + round }, async (watching, leg) => {
    const from = await change(leg, { down: { loss: LOSS }, up: {} });
    await pause(length);
    const to = await change(leg, FAIR);
    const { shown } = await watching.observation();
    const gaps = gapsOf(shown, from, to);
    return {
      freezes: freezesOf(gaps, FREEZE_MS),
      longest: Math.max(...gaps),
      p95: quantile(agesOf(between(shown, from, to)), 0.95),
    };
  });
}

/** Milliseconds from the outage's end to the first picture that is drawn after it. */
function outage(tools: Tools, round: number): Promise<number> {
  say(`zoetrope, ${OUTAGE_SECONDS} s outage`);
  return through(tools, { source: tools.server, seed: 31 + round }, async (watching, leg) => {
    await change(leg, { down: { isOut: true }, up: { isOut: true } });
    await pause(OUTAGE_SECONDS);
    const ended = await change(leg, FAIR);
    await pause(AFTER_OUTAGE_SECONDS);
    const [back] = between((await watching.observation()).shown, ended);
    return back === undefined ? Infinity : back[0] - ended;
  });
}

interface Bottleneck {
  readonly longest: number;
  /** Of the pictures' age once the sender had time to adapt. */
  readonly p95: number;
  readonly recoveredPct: number;
}

function bottleneck(
  tools: Tools,
  source: Source,
  round: number,
  delay: "low" | "default" = "default",
): Promise<Bottleneck> {
  say(`${source.name}, bottleneck of ${BOTTLENECK.rate / 1000} kbit/s, ${delay} delay`);
  return through(tools, { source, seed: 51 + round, delay }, async (watching, leg) => {
    const from = await change(leg, { down: { bottleneck: BOTTLENECK }, up: {} });
    await pause(BOTTLENECK_SECONDS);
    const released = await change(leg, FAIR);
    await pause(RELEASED_SECONDS);
    const observation = await watching.observation();
    const now = Date.now();
    return {
      longest: Math.max(...gapsOf(observation.shown, from, now)),
      p95: quantile(agesOf(between(observation.shown, from + ADAPTED_MS, released)), 0.95),
      recoveredPct: (rateOf(observation, now - RATE_MS, now) / BITRATE) * 100,
    };
  });
}
