/** What a viewer sees: the whole service, one page in headless Chromium, markers read back at the glass. */

import { chromium } from "playwright-core";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import type { Observation, WatchOptions } from "./page/observation.ts";
import { pageScript } from "./page-script.ts";
import { type ProcessorTimes, processorTimes, startServer } from "./server.ts";
import { quantile, rounded, summarise } from "./statistics.ts";

const STANDARD_SECONDS = 60;
const SESSIONS = 10;
/** Frames before this long after the first are warm-up. */
const SETTLE_MS = 2000;
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Watch `model` for `length` seconds. */
export async function run({ model, length = STANDARD_SECONDS }: BenchFlags): Promise<BenchFigures> {
  const server = await startServer(model);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    // The server's pages run no inline script; this one is the bench's own.
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(new URL("/v1/models", server.address).href);
    await page.addScriptTag({ content: await pageScript("bench/page/watch.ts"), type: "module" });
    const before = processorTimes(server.pid);
    const started = performance.now();
    const seen = await page.evaluate(
      (options: WatchOptions) =>
        (
          globalThis as unknown as { watchWorld: (o: WatchOptions) => Promise<Observation> }
        ).watchWorld(options),
      { model, seconds: length, sessions: SESSIONS },
    );
    const seconds = (performance.now() - started) / 1000;
    return {
      seconds: length,
      ...figures(seen),
      ...cpu(before, processorTimes(server.pid), seconds),
    };
  } finally {
    await browser.close();
    server.stop();
  }
}

function figures({ shown, sent, epochs, firstFrames, frameRate }: Observation): BenchFigures {
  const start = (shown[0]?.[0] ?? 0) + SETTLE_MS;
  const steady = shown.filter(([at]) => at >= start);
  const times = steady.map(([at]) => at);
  const intervals = times.slice(1).map((at, i) => at - (times[i] ?? at));
  const ids = new Set(steady.map(([, frame]) => frame));
  const range = (steady.at(-1)?.[1] ?? 0) - (steady[0]?.[1] ?? 0) + 1;
  const span = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  const interval = summarise(intervals);
  const latencies = epochs.flatMap((epoch, i) => {
    const seen = shown.find(([, , shownEpoch]) => shownEpoch >= epoch);
    return seen === undefined ? [] : [seen[0] - (sent[i] ?? Number.NaN)];
  });
  return {
    fps: rounded((ids.size - 1) / span),
    nominal_fps: frameRate,
    interval_ms: Object.fromEntries(
      Object.entries<number>({ ...interval }).map(([key, value]) => [key, rounded(value)]),
    ),
    interval_p99_over_nominal: rounded((interval.p99 * frameRate) / 1000, 3),
    inputs: latencies.length,
    input_to_picture_p50_ms: rounded(quantile(latencies, 0.5)),
    input_to_picture_p95_ms: rounded(quantile(latencies, 0.95)),
    input_to_picture_max_ms: rounded(quantile(latencies, 1)),
    first_frame_p50_ms: rounded(quantile(firstFrames, 0.5)),
    first_frame_range_ms: [rounded(quantile(firstFrames, 0)), rounded(quantile(firstFrames, 1))],
    frames_missing: range - ids.size,
  };
}

const cpu = (before: ProcessorTimes, after: ProcessorTimes, seconds: number): BenchFigures => ({
  server_cpu_percent: rounded((after.server - before.server) / seconds / 10, 1),
  engine_cpu_percent: rounded((after.engines - before.engines) / seconds / 10, 1),
});
