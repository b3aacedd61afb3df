/** The packages in `models` as they ship: sound, repeatable, and right by the game that drew their data. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { openBench } from "../../../bench/engine.ts";
import { Referee } from "../../../bench/referee.ts";
import { Truth } from "../../../bench/truth.ts";

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

describe.each(["arcade", "rooms"])("the shipped %s", (id) => {
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
