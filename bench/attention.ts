/** What hashed attention costs and finds by the length of the memory, beside dense attention over the same walk. */

import { resolve } from "node:path";
import { openGraphs } from "../src/models/ort/open.ts";
import { loadPackage } from "../src/models/package.ts";
import { Arm } from "./attention/arm.ts";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import { MazeTruth } from "./cache/maze-truth.ts";
import { recordWalk, type WalkFrame } from "./cache/walk.ts";
import { median, rounded, summarise } from "./statistics.ts";

const PACKAGE = "world-maze";
const SEED = 21;
/** Slots of memory in each layer at which both are timed. */
const LENGTHS = [256, 512, 1024, 2048, 4096, 8192, 16_384];
const STANDARD_LENGTH = 16_384;
/** Frames that are timed at each length, unless the next length begins before, and how often what they read is looked at. */
const TIMED = 60;
const LOOK_EVERY = 8;

/** What was measured at one length. */
interface Measured {
  readonly dense: number[];
  readonly hashed: number[];
  readonly read: number[];
  readonly mass: number[];
}

/** Show one walk to both, until there are `length` slots of memory in each layer. */
export async function run({ length = STANDARD_LENGTH }: BenchFlags): Promise<BenchFigures> {
  const path = resolve("models", PACKAGE);
  const modelPackage = await loadPackage(path);
  const { cache } = modelPackage.manifest;
  const lengths = LENGTHS.filter((slots) => slots <= length);
  const framesAt = lengths.map((slots) => slots / cache.tokensPerFrame + cache.windowFrames);
  const frames = (framesAt.at(-1) ?? 0) + TIMED;
  const walk = await recordWalk(await MazeTruth.open(path), path, frames, SEED);
  const graphs = await openGraphs(modelPackage, { provider: "cpu" });
  const arms = {
    dense: new Arm(modelPackage.manifest, graphs, "dense"),
    hashed: new Arm(modelPackage.manifest, graphs, "hashed"),
  };
  const measured = lengths.map((): Measured => ({ dense: [], hashed: [], read: [], mass: [] }));
  for (const [i, frame] of walk.entries()) {
    const at = framesAt.findLastIndex((first) => i >= first && i < first + TIMED);
    await step(arms, frame, measured[at], i);
    if (i % 100 === 0) process.stderr.write(`\rattention: frame ${i} of ${frames} `);
  }
  process.stderr.write("\n");
  await graphs.close();
  const shown = Object.fromEntries(measured.map((each, i) => [`slots_${lengths[i]}`, show(each)]));
  return { ...shown, crossover_slots: crossover(lengths, measured) };
}

/** Show one frame to both arms, each first half of the time. */
async function step(
  arms: { readonly dense: Arm; readonly hashed: Arm },
  frame: WalkFrame,
  into: Measured | undefined,
  index: number,
): Promise<void> {
  const order = index % 2 === 0 ? (["dense", "hashed"] as const) : (["hashed", "dense"] as const);
  const isLookedAt = into !== undefined && index % LOOK_EVERY === 0;
  for (const name of order) {
    const { milliseconds, look } = await arms[name].pass(frame, isLookedAt);
    into?.[name].push(milliseconds);
    if (name === "hashed" && look !== undefined) {
      into?.read.push(look.read);
      into?.mass.push(look.mass);
    }
  }
}

function show({ dense, hashed, read, mass }: Measured): BenchFigures {
  const [a, b] = [summarise(dense), summarise(hashed)];
  return {
    dense_ms: rounded(a.p50, 3),
    dense_range_ms: [rounded(a.min, 3), rounded(a.p95, 3)],
    hashed_ms: rounded(b.p50, 3),
    hashed_range_ms: [rounded(b.min, 3), rounded(b.p95, 3)],
    speedup: rounded(a.p50 / b.p50, 3),
    read_share: rounded(median(read), 3),
    mass_recall: rounded(median(mass), 3),
    mass_recall_range: [rounded(Math.min(...mass), 3), rounded(Math.max(...mass), 3)],
  };
}

/** The least length from which on hashed attention is the faster one; null where it never is. */
function crossover(lengths: readonly number[], measured: readonly Measured[]): number | null {
  const slower = measured.findLastIndex(({ dense, hashed }) => median(hashed) >= median(dense));
  return lengths[slower + 1] ?? null;
}
