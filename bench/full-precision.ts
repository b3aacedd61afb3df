/** What a package's int8 graphs cost in quality and save in time, beside the graphs they were made from. */

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadPackage } from "../src/models/package.ts";
import { type OpenBench, openBench } from "./engine.ts";
import { randomPlay } from "./play.ts";

/** The frame of a roll-out that is compared. */
const FRAME = 32;
const ROLL_OUTS = 16;
const SEED = 21;
/** Of a picture that does not differ, dB. */
const ALIKE_DB = 60;

/** A package whose float32 graphs are the ones that run; disposing it removes it. */
export interface FullPrecision extends AsyncDisposable {
  readonly path: string;
}

/** A copy of package `id` that runs in full precision; undefined where `id` does so itself. */
export async function fullPrecision(id: string): Promise<FullPrecision | undefined> {
  const { path: source, manifest } = await loadPackage(resolve("models", id));
  const { graphs, fullPrecision: exact, ...rest } = manifest;
  if (exact === undefined) return undefined;
  const path = await mkdtemp(join(tmpdir(), "zoetrope-full-precision-"));
  await cp(source, path, { recursive: true });
  await writeFile(
    join(path, "manifest.json"),
    JSON.stringify({ ...rest, graphs: { ...graphs, ...exact } }),
  );
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/**
 * Peak signal to noise of the 32nd picture of package `id` against that of `exact` under the same seed and controls,
 * dB, of each of several roll-outs.
 */
export async function rollOutPsnr(id: string, exact: FullPrecision): Promise<number[]> {
  await using shipped = await openBench(id, SEED);
  await using wanted = await openBench(exact.path, SEED);
  const psnr: number[] = [];
  for (let seed = SEED; seed < SEED + ROLL_OUTS; seed++) {
    psnr.push(peakSignalToNoise(await lastPicture(shipped, seed), await lastPicture(wanted, seed)));
  }
  return psnr;
}

async function lastPicture(bench: OpenBench, seed: number): Promise<Uint8Array> {
  const { controls, cache, lanes } = bench.model.manifest;
  const { windowFrames, sinkFrames } = cache;
  await bench.session.reset({ seed, cache: { policy: "window", windowFrames, sinkFrames } });
  const play = randomPlay(controls, seed);
  let picture: Uint8Array | undefined;
  for (let frame = 0; frame < FRAME; frame += lanes.video.framesPerBlock) {
    const { packets } = await bench.next(play.next().value, true);
    picture = packets.at(-1)?.data;
  }
  if (picture === undefined) throw new Error("the engine made no picture");
  return picture;
}

function peakSignalToNoise(a: Uint8Array, b: Uint8Array): number {
  const error = a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0) / a.length;
  return error === 0 ? ALIKE_DB : Math.min(ALIKE_DB, 10 * Math.log10(255 ** 2 / error));
}
