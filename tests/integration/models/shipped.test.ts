/** The packages in `models` as they ship: sound, repeatable, and right by the game that drew their data. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { MazeTruth } from "../../../bench/cache/maze-truth.ts";
import { show } from "../../../bench/cache/show.ts";
import { recordWalk } from "../../../bench/cache/walk.ts";
import { openBench } from "../../../bench/engine.ts";
import { Referee } from "../../../bench/referee.ts";
import { Truth } from "../../../bench/truth.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { type CacheChoice, openModel } from "../../../src/models/model.ts";
import { loadPackage } from "../../../src/models/package.ts";

const SEED = 7;
const FRAMES = 40;
const JUDGED_FRAMES = 150;
/** Well below what `bench quality` prints; a package that fails this is broken, not unlucky. */
const SOUND = 0.8;
const PLAY_WITHIN_MS = 120_000;

/** A digest of every picture of a seeded session. */
async function pictures(id: string, seed: number): Promise<string> {
  await using bench = await openBench(id, seed);
  const key = bench.model.manifest.controls[0]?.name ?? "";
  const digest = createHash("sha256");
  for (let frame = 0; frame < FRAMES; frame++) {
    const { packets } = await bench.next({ [key]: frame % 8 < 4 ? 1 : 0 }, true);
    for (const { data } of packets) digest.update(data);
  }
  return digest.digest("hex");
}

describe.each(["arcade", "rooms", "world-maze"])("the shipped %s", (id) => {
  test("makes the same pictures from the same seed and keys", {
    timeout: PLAY_WITHIN_MS,
  }, async () => {
    const first = await pictures(id, SEED);

    expect(await pictures(id, SEED)).toBe(first);
    expect(await pictures(id, SEED + 1)).not.toBe(first);
  });
});

test("the arcade keeps its things and its rules", { timeout: PLAY_WITHIN_MS }, async () => {
  await using bench = await openBench("arcade", SEED);
  const truth = await Truth.open(resolve("models/arcade"));
  const referee = new Referee(truth);
  const side = bench.model.manifest.lanes.video.width;

  for (let frame = 0; frame < JUDGED_FRAMES; frame++) {
    const control = Float32Array.of(
      frame % 50 < 20 ? 1 : 0,
      frame % 50 >= 25 ? 1 : 0,
      frame % 17 < 2 ? 1 : 0,
    );
    const values = Object.fromEntries(truth.controls.map((name, i) => [name, control[i] ?? 0]));
    const { packets } = await bench.next(values, true);
    const picture = packets[0]?.data ?? new Uint8Array();
    await referee.see(await truth.read(picture, side), control);
  }

  const { survival, obedience } = referee.shares(JUDGED_FRAMES);
  expect(survival).toBeGreaterThan(SOUND);
  expect(obedience).toBeGreaterThan(SOUND);
});

/** Frames of a walk that leads back into rooms seen long before. */
const WALK_FRAMES = 600;

test("the maze shows again what left the window long ago, as far as its cache keeps it", {
  timeout: PLAY_WITHIN_MS,
}, async () => {
  const path = resolve("models/world-maze");
  const truth = await MazeTruth.open(path);
  const walk = await recordWalk(truth, path, WALK_FRAMES, SEED);
  const model = await openModel(await loadPackage(path), { provider: "cpu" }, systemClock);
  const { initial } = model.cache;
  const rightUnder = async (choice: CacheChoice): Promise<number> => {
    const { recall } = await show(model, truth, walk, { name: choice.policy, choice });
    const bands = Object.values(recall);
    const sum = (of: "hits" | "cases") => bands.reduce((n, band) => n + band[of], 0);
    return sum("hits") / sum("cases");
  };

  const { windowFrames, sinkFrames } = initial;
  const remembers = await rightUnder(initial);
  const forgets = await rightUnder({ windowFrames, sinkFrames, policy: "window" });
  await model.close();

  expect(remembers).toBeGreaterThan(forgets + 0.2);
});
