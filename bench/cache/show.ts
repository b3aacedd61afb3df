/** Show a recorded walk to a model under one policy, and see what it draws and what that costs. */

import type { GeneratedBlock, Generation, Model } from "../../src/models/model.ts";
import { summarise } from "../statistics.ts";
import type { Arm } from "./arms.ts";
import type { MazeTruth } from "./maze-truth.ts";
import type { WalkFrame } from "./walk.ts";

/** What a policy made of a walk. */
export interface Shown {
  /** Milliseconds of the pass over the cache and its commit, by frame. */
  readonly passes: readonly number[];
  /** Milliseconds of whole blocks, where one was drawn. */
  readonly blocks: readonly number[];
  /** Pictures the model drew, by the frame they stand for, where one was asked for. */
  readonly pictures: ReadonlyMap<number, Uint8Array>;
  readonly recall: Recall;
  readonly slots: number;
  readonly bytes: number;
  readonly error: number;
  readonly represented: number;
}

/** Attributes of rooms that came back right, by how long ago the room was seen. */
type Recall = Readonly<Record<string, { hits: number; cases: number; rooms: number }>>;

/** Frames since a room was last in view, from and below. */
const AGES = [
  [30, 100],
  [100, 300],
  [300, 1000],
  [1000, Number.POSITIVE_INFINITY],
] as const;

/** A picture is drawn at least this often, besides at every door. */
const DRAW_EVERY = 25;
const SEED = 5;

/** Show `walk` to a fresh generation of `model` under `arm`. */
export async function show(
  model: Model,
  truth: MazeTruth,
  walk: readonly WalkFrame[],
  { name, choice }: Arm,
): Promise<Shown> {
  const [first, ...rest] = walk;
  if (first === undefined) throw new Error("a walk has frames");
  const generation = await model.open({ seed: SEED, cache: choice });
  await generation.recache({
    block: 0,
    frames: [{ latents: first.latents, control: first.control }],
  });
  const recall = Object.fromEntries(
    AGES.map(([low, high]) => [`${low}_${high}`, { hits: 0, cases: 0, rooms: 0 }]),
  );
  const passes: number[] = [];
  const blocks: number[] = [];
  const pictures = new Map<number, Uint8Array>();
  for (const [i, frame] of rest.entries()) {
    if (i % 250 === 0) process.stderr.write(`\rcache: ${name}, frame ${i} of ${rest.length}    `);
    const isReturn = frame.age >= AGES[0][0];
    if (isReturn || i % DRAW_EVERY === 0) {
      const { pictures: drawn, timings } = await draw(generation, model, frame);
      passes.push(timings.encoder);
      blocks.push(timings.encoder + timings.denoise + timings.decode);
      const picture = Uint8Array.from(drawn[0] ?? []);
      pictures.set(i, picture);
      if (isReturn) count(recall, frame, await truth.read(picture), truth);
    } else passes.push(await pass(generation, frame));
  }
  const { slots, bytes } = generation.cache;
  const { error, recall: represented } = generation.inspection;
  await generation.close();
  process.stderr.write("\n");
  return { passes, blocks, pictures, recall, slots, bytes, error, represented };
}

const draw = (
  generation: Generation,
  model: Model,
  { control, latents }: WalkFrame,
): Promise<GeneratedBlock> => {
  const steps = model.modelPackage.manifest.schedule.defaultSteps;
  return generation.next({ control, steps, goOnFrom: latents });
};

/** Commit the frame before and go on from the true one, without drawing it. */
async function pass(generation: Generation, { control, latents }: WalkFrame): Promise<number> {
  const began = performance.now();
  const block = generation.block + 1;
  await generation.recache({ block, frames: [{ latents, control }], continues: true });
  return performance.now() - began;
}

/** Compare the room that a picture shows with the true one. */
function count(
  recall: Record<string, { hits: number; cases: number; rooms: number }>,
  { age, row }: WalkFrame,
  seen: Float32Array,
  { description }: MazeTruth,
): void {
  const { first, nothing } = description.row.things;
  const band = AGES.find(([low, high]) => age >= low && age < high);
  const score = band && recall[`${band[0]}_${band[1]}`];
  if (score === undefined) return;
  score.rooms += 1;
  for (const [i, value] of row.entries()) {
    if (i >= first && value === nothing) continue;
    score.cases += 1;
    if (seen[i] === value) score.hits += 1;
  }
}

/** Median pass of the last hundred frames over that of the first hundred after frame `from`. */
export function flatness(passes: readonly number[], from: number): number {
  const first = summarise(passes.slice(from, from + 100)).p50;
  return summarise(passes.slice(-100)).p50 / first;
}

/** Pictures by the frame they stand for. */
type Pictures = ReadonlyMap<number, Uint8Array>;

/** The true pictures of the frames that were drawn when `walk` was shown. */
export const truePictures = (walk: readonly WalkFrame[]): Pictures =>
  new Map(walk.slice(1).map(({ picture }, i) => [i, picture]));

/** Peak signal-to-noise ratio over all pictures that both have, dB. */
export function psnr(one: Pictures, other: Pictures): number {
  let [sum, floats] = [0, 0];
  for (const [frame, picture] of one) {
    const reference = other.get(frame);
    if (reference === undefined) continue;
    for (const [i, value] of picture.entries()) sum += (value - (reference[i] ?? 0)) ** 2;
    floats += picture.length;
  }
  return 10 * Math.log10(255 ** 2 / Math.max(sum / floats, 1e-10));
}
