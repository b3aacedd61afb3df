/** What every cache policy remembers, and what it costs, on true walks through the maze. */

import { resolve } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { openModel } from "../src/models/model.ts";
import { loadPackage, type ModelPackage } from "../src/models/package.ts";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import { armsOf } from "./cache/arms.ts";
import { MazeTruth } from "./cache/maze-truth.ts";
import { flatness, psnr, type Shown, show, truePictures } from "./cache/show.ts";
import { recordWalk } from "./cache/walk.ts";
import { rounded, summarise } from "./statistics.ts";

const STANDARD_FRAMES = 3000;
const PACKAGE = "world-maze";
const SEED = 21;
/** Frames after which every memory of these sizes is full or has long begun to forget. */
const SETTLED = 400;
const MOST_SLOTS = 2 ** 17;

/** Show one walk of `length` frames to every arm. */
export async function run({ length = STANDARD_FRAMES }: BenchFlags): Promise<BenchFigures> {
  const path = resolve("models", PACKAGE);
  const model = await openModel(roomy(await loadPackage(path)), { provider: "cpu" }, systemClock);
  const truth = await MazeTruth.open(path);
  const walk = await recordWalk(truth, path, length, SEED);
  const { cache } = model.modelPackage.manifest;
  const { memorySlots = 256, threshold = 0.9 } = cache.policy ?? {};
  const shown = new Map<string, Shown>();
  for (const arm of armsOf(cache, memorySlots, threshold)) {
    shown.set(arm.name, await show(model, truth, walk, arm));
  }
  const real = truePictures(walk);
  await model.close();
  return {
    frames: length,
    memory_slots: memorySlots,
    window_slots: cache.windowFrames * cache.tokensPerFrame,
    returns: returnsIn(shown),
    chance: truth.description.chance,
    ...Object.fromEntries(
      [...shown].map(([name, arm]) => [
        name,
        { psnr_db: rounded(psnr(arm.pictures, real)), ...figures(name, arm, shown) },
      ]),
    ),
    storage: storageFigures(shown),
  };
}

/** The same package with room for everything: the full cache is the ceiling here, though no session may have it. */
function roomy(modelPackage: ModelPackage): ModelPackage {
  const { manifest } = modelPackage;
  const cache = { ...manifest.cache, mostSlots: MOST_SLOTS };
  return { ...modelPackage, manifest: { ...manifest, cache } };
}

/** How many doors of each age were taken. */
function returnsIn(shown: ReadonlyMap<string, Shown>): BenchFigures {
  const { recall = {} } = shown.get("full") ?? {};
  return Object.fromEntries(Object.entries(recall).map(([age, { rooms }]) => [age, rooms]));
}

function figures(name: string, arm: Shown, shown: ReadonlyMap<string, Shown>): BenchFigures {
  const full = shown.get("full");
  const truncate = shown.get("truncate");
  if (full === undefined || truncate === undefined) throw new Error("the baselines are missing");
  const accuracy = Object.entries(arm.recall).map(([age, { hits, cases }]) => [
    `memory_probe_${age}`,
    rounded(hits / cases, 4),
  ]);
  const last = summarise(arm.passes.slice(-500));
  const block = summarise(arm.blocks.slice(-100)).p50;
  const plain = summarise(truncate.passes.slice(-500)).p50;
  return {
    ...(Object.fromEntries(accuracy) as BenchFigures),
    ...(name === "full" ? {} : { psnr_vs_full_db: rounded(psnr(arm.pictures, full.pictures)) }),
    slots: arm.slots,
    bytes: arm.bytes,
    slots_ratio: rounded(full.slots / arm.slots, 1),
    recall: rounded(arm.represented, 4),
    error: rounded(arm.error, 4),
    flat_ratio: rounded(flatness(arm.passes, Math.min(SETTLED, arm.passes.length - 200)), 4),
    pass_ms: rounded(last.p50, 3),
    pass_p95_ms: rounded(last.p95, 3),
    block_ms: rounded(block, 3),
    policy_overhead_pct: rounded(((last.p50 - plain) / block) * 100, 2),
    speedup_vs_full_at_end: rounded(summarise(full.passes.slice(-100)).p50 / last.p50, 2),
  };
}

/** The storages beside float32, all of TempCache. */
function storageFigures(shown: ReadonlyMap<string, Shown>): BenchFigures {
  const float32 = shown.get("tempcache");
  if (float32 === undefined) throw new Error("the baseline is missing");
  const perSlot = ({ bytes, slots }: Shown): number => bytes / slots;
  const block = summarise(float32.blocks).p50;
  const plain = summarise(float32.passes.slice(-500)).p50;
  return Object.fromEntries(
    ["float16", "int8", "int4"].flatMap((name) => {
      const arm = shown.get(`tempcache_${name}`);
      if (arm === undefined) return [];
      const overhead = ((summarise(arm.passes.slice(-500)).p50 - plain) / block) * 100;
      return [
        [`${name}_bytes_ratio_to_float32`, rounded(perSlot(float32) / perSlot(arm))],
        [`${name}_bytes_ratio_to_float16`, rounded(perSlot(float32) / 2 / perSlot(arm))],
        [`${name}_psnr_db`, rounded(psnr(arm.pictures, float32.pictures))],
        [`${name}_overhead_pct`, rounded(overhead, 2)],
      ];
    }),
  );
}
