/** Is the picture right? Plays a world and lets the program that drew its training data be the referee. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ControlValues } from "../src/core/controls.ts";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import { chiSquareTail } from "./chi-square.ts";
import { openBench } from "./engine.ts";
import { type MoodyPlayer, moodyPlayer, uniforms } from "./play.ts";
import { Referee } from "./referee.ts";
import { scoreRooms } from "./rooms.ts";
import { rounded } from "./statistics.ts";
import { Truth } from "./truth.ts";

const STANDARD_FRAMES = 20_000;
/** Frames at which the shares are reported. */
const MARKS = [100, 2000, 20_000];
const SEED = 11;
const PROGRESS_EVERY = 200;

/** Score `model` over `length` frames, beside the same probe on true frames. */
export async function run({ model, length }: BenchFlags): Promise<BenchFigures> {
  if (!existsSync(resolve("models", model, "truth", "truth.json"))) return scoreRooms(model);
  const frames = length ?? STANDARD_FRAMES;
  const truth = await Truth.open(resolve("models", model));
  const generated = await generatedGame(truth, model, frames);
  const real = await trueGame(truth, frames);
  return {
    frames,
    ...Object.fromEntries(
      marksUpTo(frames).flatMap((mark) => Object.entries(atMark(generated, real, mark))),
    ),
    respawns: total(generated.respawns),
    spot_chi_square_p: rounded(uniformity(generated.respawns), 4),
    truth_spot_chi_square_p: rounded(uniformity(real.respawns), 4),
    faults_per_100_frames: generated.faults(),
    truth_faults_per_100_frames: real.faults(),
  };
}

const marksUpTo = (frames: number): number[] => {
  const marks = MARKS.filter((mark) => mark <= frames);
  return marks.includes(frames) ? marks : [...marks, frames];
};

function atMark(generated: Referee, real: Referee, mark: number): BenchFigures {
  const made = generated.shares(mark);
  const baseline = real.shares(mark);
  return {
    [`object_survival_${mark}`]: rounded(made.survival, 4),
    [`truth_object_survival_${mark}`]: rounded(baseline.survival, 4),
    [`relative_object_survival_${mark}`]: rounded(made.survival / baseline.survival, 4),
    [`rule_obedience_${mark}`]: rounded(made.obedience, 4),
    [`truth_rule_obedience_${mark}`]: rounded(baseline.obedience, 4),
    [`relative_rule_obedience_${mark}`]: rounded(made.obedience / baseline.obedience, 4),
  };
}

/** Pictures of the model under the keys of a player who watches them. */
async function generatedGame(truth: Truth, model: string, frames: number): Promise<Referee> {
  await using bench = await openBench(model, SEED);
  const side = bench.model.manifest.lanes.video.width;
  const referee = new Referee(truth);
  const player = moodyPlayer(SEED);
  for (let frame = 0; frame < frames; frame++) {
    const control = await keys(truth, player, referee);
    const { packets } = await bench.next(valuesOf(truth, control), true);
    const picture = packets[0];
    if (picture === undefined) throw new Error(`the engine made no picture ${frame}`);
    await referee.see(await truth.read(picture.data, side), control);
    progress("generated", frame, frames);
  }
  return referee;
}

/** Pictures of the game itself under the keys of the same kind of player. */
async function trueGame(truth: Truth, frames: number): Promise<Referee> {
  const referee = new Referee(truth);
  const player = moodyPlayer(SEED);
  const uniform = uniforms(SEED + 1);
  let before: Float32Array = START_STATE;
  let now: Float32Array = START_STATE;
  for (let frame = 0; frame < frames; frame++) {
    const control = await keys(truth, player, referee);
    const next = await truth.step(before, now, control, anotherSpot(truth, now, uniform));
    [before, now] = [now, next];
    const picture = await truth.render(now);
    await referee.see(await truth.read(picture, Math.sqrt(picture.length / 3)), control);
    progress("true", frame, frames);
  }
  return referee;
}

/** A player on the first pad, a star, both hazards under way, by day. */
const START_STATE = Float32Array.of(18, 24, 0, 1, 7, 40, 1, 50, -1, 0, 1, 0);

function anotherSpot(truth: Truth, state: Float32Array, uniform: () => number): number {
  const here = truth.value(state, "spot");
  return (here + 1 + Math.floor(uniform() * (truth.spots - 1))) % truth.spots;
}

async function keys(truth: Truth, player: MoodyPlayer, referee: Referee): Promise<Float32Array> {
  const seen = referee.reading;
  const chase = seen === undefined ? new Float32Array(3) : await truth.play(seen.state);
  return player(chase);
}

const valuesOf = (truth: Truth, control: Float32Array): ControlValues =>
  Object.fromEntries(truth.controls.map((name, i) => [name, control[i] ?? 0]));

const total = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0);

/** p-value of the hypothesis that a star comes back at every other spot equally often. */
function uniformity(respawns: readonly number[]): number {
  const counts = respawns.slice(1);
  const expected = total(counts) / counts.length;
  if (expected === 0) return Number.NaN;
  const statistic = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  return chiSquareTail(statistic, counts.length - 1);
}

function progress(what: string, frame: number, frames: number): void {
  if (frame % PROGRESS_EVERY !== 0 && frame + 1 !== frames) return;
  process.stderr.write(`\rquality: ${what} frame ${frame + 1} of ${frames}   `);
  if (frame + 1 === frames) process.stderr.write("\n");
}
