/** Does hour three cost what minute one cost? Block time and memory over many thousands of frames. */

import type { BenchFigures, BenchFlags } from "./bench.ts";
import { openBench } from "./engine.ts";
import { randomPlay } from "./play.ts";
import { residentMegabytes } from "./resident.ts";
import { median, rounded } from "./statistics.ts";

const STANDARD_FRAMES = 20_000;
const WARM_UP_FRAMES = 200;
const SPAN_FRAMES = 1000;
const MEMORY_EVERY_FRAMES = 50;
const SEED = 7;

/** Play `length` frames as fast as they come and compare the last thousand with the first. */
export async function run({ model, length = STANDARD_FRAMES }: BenchFlags): Promise<BenchFigures> {
  await using bench = await openBench(model, SEED);
  const { framesPerBlock } = bench.model.manifest.lanes.video;
  const play = randomPlay(bench.model.manifest.controls, SEED);
  const times: number[] = [];
  const memory: number[] = [];

  for (let frame = 0; frame < WARM_UP_FRAMES + length; frame += framesPerBlock) {
    const { timings } = await bench.next(play.next().value, false);
    if (frame >= WARM_UP_FRAMES) times.push(timings.total);
    if (frame % MEMORY_EVERY_FRAMES === 0) memory.push(residentMegabytes(bench.pid));
    if (frame % SPAN_FRAMES === 0) process.stderr.write(`\rflat: frame ${frame}`);
  }
  process.stderr.write("\n");

  const span = Math.min(SPAN_FRAMES / framesPerBlock, Math.floor(times.length / 2));
  const first = median(times.slice(0, span));
  const last = median(times.slice(-span));
  return {
    frames: length,
    time_ratio_last_over_first_1000: rounded(last / first, 4),
    rss_growth_mb: rounded(growth(memory)),
    rss_lowest_mb: rounded(Math.min(...memory.slice(SPAN_FRAMES / MEMORY_EVERY_FRAMES))),
    rss_highest_mb: rounded(Math.max(...memory)),
    block_ms_first_1000: rounded(first, 3),
    block_ms_last_1000: rounded(last, 3),
  };
}

/**
 * From the median of frames 1,000 to 2,000 to that of the last thousand: a collector that has or has not just
 * run moves single readings by tens of megabytes.
 */
function growth(memory: readonly number[]): number {
  const span = SPAN_FRAMES / MEMORY_EVERY_FRAMES;
  return median(memory.slice(-span)) - median(memory.slice(span, 2 * span));
}
