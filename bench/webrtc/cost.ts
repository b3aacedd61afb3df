/** Bars 6 and 7: what one more viewer costs, and what sender reports say. */

import type { BenchFigures } from "../bench.ts";
import { processorTime } from "../processor-time.ts";
import { median, quantile, rounded } from "../statistics.ts";
import { pause, rounds, say, seconds, type Tools } from "./parts.ts";
import { Receivers } from "./receivers.ts";
import type { Source } from "./source.ts";

const USUAL_SECONDS = 15;
const SETTLE_SECONDS = 3;
const MANY = 8;
/** aiortc encodes for each viewer; more than these would fill a small machine. */
const MANY_FOR_AIORTC = 4;

/** Measure Zoetrope and aiortc with one viewer and with many. */
export async function cost(tools: Tools): Promise<BenchFigures> {
  const own: Load[] = [];
  const other: Load[] = [];
  for (let round = 0; round < rounds(tools); round++) {
    own.push(await loadOf(tools, tools.server, MANY));
    other.push(await loadOf(tools, tools.aiortc, MANY_FOR_AIORTC));
  }
  const errors = own.flatMap(({ reportErrors }) => reportErrors.map(Math.abs));
  const perViewer = own.map(({ perViewerPct }) => perViewerPct);
  return {
    viewer_cost_pct: rounded(median(perViewer)),
    viewer_cost_range_pct: [rounded(quantile(perViewer, 0)), rounded(quantile(perViewer, 1))],
    viewers: MANY,
    viewer_mbits: rounded(median(own.map(({ mbits }) => mbits))),
    server_cpu_8_viewers_pct: rounded(median(own.map(({ manyPct }) => manyPct))),
    event_loop_p99_ms: rounded(median(own.map(({ loopP99Ms }) => loopP99Ms))),
    encoders_8_viewers: median(own.map(({ encodings }) => encodings)),
    sr_ntp_error_ms: rounded(median(errors)),
    sr_ntp_error_p95_ms: rounded(quantile(errors, 0.95)),
    sender_reports: errors.length,
    aiortc_viewer_cost_pct: rounded(median(other.map(({ perViewerPct }) => perViewerPct))),
    aiortc_viewers: MANY_FOR_AIORTC,
    aiortc_viewer_mbits: rounded(median(other.map(({ mbits }) => mbits))),
  };
}

interface Load {
  readonly perViewerPct: number;
  readonly manyPct: number;
  readonly mbits: number;
  readonly loopP99Ms: number;
  readonly encodings: number;
  readonly reportErrors: readonly number[];
}

async function loadOf(tools: Tools, source: Source, many: number): Promise<Load> {
  const length = seconds(tools, USUAL_SECONDS);
  say(`${source.name}, 1 and ${many} light viewers, ${length} s each`);
  const receivers = new Receivers();
  const stream = await source.open();
  await receivers.open(stream.target());
  const onePct = await processorShare(source, length);
  for (let i = 1; i < many; i++) await receivers.open(stream.target());
  await pause(SETTLE_SECONDS);
  await tools.server.usage();
  const before = await bytesOf(receivers);
  const manyPct = await processorShare(source, length);
  const after = await bytesOf(receivers);
  const { loopP99Ms, encodings } = await tools.server.usage();
  const reportErrors = (await receivers.received()).flatMap((each) => each.reportErrors);
  await receivers.close();
  await receivers.stop();
  await stream.close();
  return {
    perViewerPct: (manyPct - onePct) / (many - 1),
    manyPct,
    mbits: ((after - before) * 8) / many / (length + SETTLE_SECONDS) / 1e6,
    loopP99Ms,
    encodings,
    reportErrors,
  };
}

const bytesOf = async (receivers: Receivers): Promise<number> =>
  (await receivers.received()).reduce((sum, { bytes }) => sum + bytes, 0);

/** Share of one core that `source` uses over `length` seconds, after it settled, in percent. */
async function processorShare({ pid }: Source, length: number): Promise<number> {
  await pause(SETTLE_SECONDS);
  const [began, before] = [performance.now(), processorTime(pid)];
  await pause(length);
  return ((processorTime(pid) - before) / (performance.now() - began)) * 100;
}
