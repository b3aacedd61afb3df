/** An hour of media time on one session under the package's own cache policy, as fast as it comes. */

import type { BenchFigures, BenchFlags } from "./bench.ts";
import { type OpenBench, openBench } from "./engine.ts";
import { type PictureStatistics, pictureStatistics } from "./picture-statistics.ts";
import { randomPlay } from "./play.ts";
import { residentMegabytes } from "./resident.ts";
import { median, rounded, slope, summarise } from "./statistics.ts";

const SECONDS_A_MINUTE = 60;
const STANDARD_MINUTES = 60;
/** Until the engine's heap and the cache have the size they keep. */
const WARM_UP_MINUTES = 2;
/** Seconds of media time between two looks at the picture and the memory. */
const LOOK_EVERY_SECONDS = 1;
const SEED = 17;

/** What one minute of media time looked like. */
interface Minute {
  readonly megabytes: number;
  readonly cacheBytes: readonly number[];
  readonly blockMs: number;
  readonly picture: PictureStatistics;
}

/** Play `length` minutes of media time and compare the last with the third. */
export async function run({ model, length }: BenchFlags): Promise<BenchFigures> {
  await using bench = await openBench(model, SEED);
  const play = randomPlay(bench.model.manifest.controls, SEED);
  const minutes: Minute[] = [];
  for (let minute = 0; minute < (length ?? STANDARD_MINUTES); minute++) {
    minutes.push(await playMinute(bench, play));
    process.stderr.write(`\rhour: minute ${minute + 1}   `);
  }
  process.stderr.write("\n");
  return figures(bench.engine.cache.initial.policy, minutes);
}

async function playMinute(bench: OpenBench, play: ReturnType<typeof randomPlay>): Promise<Minute> {
  const { frameRate, framesPerBlock } = bench.model.manifest.lanes.video;
  const blocks = Math.round((SECONDS_A_MINUTE * frameRate) / framesPerBlock);
  const between = Math.round((LOOK_EVERY_SECONDS * frameRate) / framesPerBlock);
  const looks: PictureStatistics[] = [];
  const [cacheBytes, times]: [number[], number[]] = [[], []];
  for (let block = 0; block < blocks; block++) {
    const isLook = block % between === 0;
    const { packets, timings, cache } = await bench.next(play.next().value, isLook);
    times.push(timings.total);
    const [picture] = packets;
    if (picture === undefined) continue;
    looks.push(pictureStatistics(picture.data));
    cacheBytes.push(cache.bytes);
  }
  const mean = (of: keyof PictureStatistics): number =>
    looks.reduce((sum, look) => sum + look[of], 0) / looks.length;
  return {
    megabytes: residentMegabytes(bench.pid),
    cacheBytes,
    blockMs: median(times),
    picture: {
      luminance: mean("luminance"),
      saturation: mean("saturation"),
      sharpness: mean("sharpness"),
    },
  };
}

function figures(policy: string, minutes: readonly Minute[]): BenchFigures {
  const settled = minutes.slice(WARM_UP_MINUTES);
  const bytes = settled.flatMap(({ cacheBytes }) => cacheBytes);
  const first = settled[0]?.blockMs ?? Number.NaN;
  return {
    minutes: minutes.length,
    policy,
    cache_bytes_min: Math.min(...bytes),
    cache_bytes_max: Math.max(...bytes),
    rss_slope_mb_per_hour: rounded(slope(settled.map(({ megabytes }) => megabytes)) * 60),
    rss_mb: rangeOf(settled.map(({ megabytes }) => megabytes)),
    block_ms_ratio_last_over_first_minute: rounded((settled.at(-1)?.blockMs ?? first) / first, 4),
    ...Object.fromEntries(
      (["luminance", "saturation", "sharpness"] as const).map((name) => [
        name,
        rangeOf(
          settled.map(({ picture }) => picture[name]),
          4,
        ),
      ]),
    ),
  };
}

/** How values of successive minutes went. */
function rangeOf(values: readonly number[], digits = 2): BenchFigures {
  const { min, p50, max } = summarise(values);
  const ends = { first: values[0] ?? Number.NaN, last: values.at(-1) ?? Number.NaN };
  const all = { ...ends, min, p50, max };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, rounded(value, digits)]),
  );
}
