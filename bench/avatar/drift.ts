/** An hour of media time, as fast as it comes: is it the same person, as sharp, at its end? */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchFigures } from "../bench.ts";
import { type OpenBench, openBench } from "../engine.ts";
import { pictureStatistics } from "../picture-statistics.ts";
import { residentMegabytes } from "../resident.ts";
import { median, quantile, rounded, slope } from "../statistics.ts";
import type { Candidate } from "./audition.ts";
import { type HeadProbe, likeness, rgbOf } from "./probe.ts";

const SEED = 29;
/** Minutes after which it is looked at; the seconds before each of them count. */
const LOOKS = [1, 10, 60];
const LOOK_SECONDS = 10;
const RATE = 16_000;
/** Until the engine's heap has the size it keeps. */
const WARM_UP_MINUTES = 2;

/** What one minute was like; `looks` only where it is one of `LOOKS`, or the last. */
interface Minute {
  readonly minute: number;
  readonly megabytes: number;
  readonly cacheBytes: readonly number[];
  readonly looks: readonly Look[];
}

interface Look {
  readonly alike: number;
  readonly sharpness: number;
}

/** Let `candidate`'s sound go round for `minutes`, with the model's first face. */
export async function drift(
  model: string,
  { sound }: Candidate,
  probe: HeadProbe,
  minutes: number,
): Promise<BenchFigures> {
  await using bench = await openBench(model, SEED);
  const stage: Stage = {
    ...{ bench, probe, speech: floatsOf(sound) },
    reference: await firstFace(bench, probe),
  };
  const lived: Minute[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    lived.push(await live(stage, minute, LOOKS.includes(minute) || minute === minutes));
    process.stderr.write(`\ravatar: minute ${minute} of ${minutes}   `);
  }
  process.stderr.write("\n");
  return figures(lived);
}

interface Stage {
  readonly bench: OpenBench;
  readonly probe: HeadProbe;
  readonly speech: Float32Array;
  readonly reference: readonly number[];
}

async function live(stage: Stage, minute: number, isLook: boolean): Promise<Minute> {
  const { bench, speech } = stage;
  const { frameRate } = bench.model.manifest.lanes.video;
  const frame = RATE / frameRate;
  const [cacheBytes, looks]: [number[], Look[]] = [[], []];
  for (let i = 0; i < 60 * frameRate; i++) {
    const at = (i * frame) % speech.length;
    const isLooked = isLook && i >= (60 - LOOK_SECONDS) * frameRate;
    const { packets, cache } = await bench.next({}, isLooked, speech.subarray(at, at + frame));
    cacheBytes.push(cache.bytes);
    for (const { data } of packets) looks.push(await look(stage, data));
  }
  return { minute, megabytes: residentMegabytes(bench.pid), cacheBytes, looks };
}

async function look({ probe, reference }: Stage, rgb: Uint8Array): Promise<Look> {
  const { identity } = await probe.read(rgb);
  return { alike: likeness(identity, reference), sharpness: pictureStatistics(rgb).sharpness };
}

function figures(lived: readonly Minute[]): BenchFigures {
  const settled = lived.slice(lived.length > WARM_UP_MINUTES ? WARM_UP_MINUTES : 0);
  const bytes = settled.flatMap(({ cacheBytes }) => cacheBytes);
  const looked = lived.filter(({ looks }) => looks.length > 0);
  return {
    minutes: lived.length,
    ...Object.fromEntries(
      looked.flatMap(({ minute, looks }) => [
        [`identity_sim_minute_${minute}`, rounded(median(looks.map(({ alike }) => alike)), 4)],
        [`sharpness_minute_${minute}`, rounded(median(looks.map((it) => it.sharpness)), 5)],
      ]),
    ),
    cache_bytes_range: [quantile(bytes, 0), quantile(bytes, 1)],
    rss_slope_mb_per_hour: rounded(60 * slope(settled.map(({ megabytes }) => megabytes))),
  };
}

/** The picture that the session begins from, read. */
async function firstFace({ model }: OpenBench, probe: HeadProbe): Promise<readonly number[]> {
  const image = model.manifest.starts[0]?.image ?? "";
  const { identity } = await probe.read(rgbOf(await readFile(join(model.path, image))));
  return identity;
}

function floatsOf(sound: Buffer): Float32Array {
  const pcm = new Int16Array(sound.buffer.slice(sound.byteOffset, sound.byteOffset + sound.length));
  return Float32Array.from(pcm, (value) => value / 32_768);
}
