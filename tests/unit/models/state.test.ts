import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import {
  type CacheChoice,
  type Generation,
  type Model,
  openModel,
} from "../../../src/models/model.ts";
import { loadPackage } from "../../../src/models/package.ts";
import { largestDistance, tinyPath } from "../../support/oracle.ts";
import { PackageCopy } from "../../support/package-copy.ts";

const STATE: CacheChoice = { policy: "state", windowFrames: 2, sinkFrames: 0 };

async function play(generation: Generation, count: number): Promise<Float32Array> {
  let latents: Float32Array = new Float32Array();
  for (let i = 0; i < count; i++) {
    const control = Float32Array.of(generation.block % 2, Math.sin(generation.block), 1, 0);
    ({ latents } = await generation.next({ control, steps: 1 }));
  }
  return latents;
}

describe("a package that keeps a state", () => {
  let model: Model;
  beforeAll(async () => {
    const modelPackage = await loadPackage(tinyPath("tiny-state"));
    model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
    return () => model.close();
  });

  it("has a cache of constant size, which no slot is part of", async () => {
    const generation = await model.open({ seed: 1, cache: STATE });
    await play(generation, 1);
    const before = generation.cache;
    await play(generation, 200);
    expect(generation.cache).toEqual(before);
    expect(before).toEqual({ policy: "state", bytes: 2 * 2 * 8 * 8 * 4, slots: 0, capacity: 0 });
    expect(generation.inspection).toMatchObject({ frames: 2 * 201, ages: [] });
  });

  it("reads its state in every step and writes it once a block", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => model.open({ seed: 4, cache: STATE })));
    if (one === undefined || two === undefined) throw new Error("two are wanted");
    await play(one, 6);
    await play(two, 6);
    const control = new Float32Array(4);
    await one.next({ control, steps: 1 });
    await two.next({ control, steps: 2 });
    expect(one.inspection.frames).toBe(two.inspection.frames);
  });

  it("goes on otherwise once it has forgotten", async () => {
    const [kept, lost] = await Promise.all([1, 2].map(() => model.open({ seed: 2, cache: STATE })));
    if (kept === undefined || lost === undefined) throw new Error("two are wanted");
    expect(await play(kept, 8)).toEqual(await play(lost, 8));
    await lost.forget({ keepSinks: true });
    expect(largestDistance(await play(kept, 1), await play(lost, 1))).toBeGreaterThan(1e-3);
  });

  it.each([
    [{ ...STATE, policy: "window" }, "policy"],
    [{ ...STATE, policy: "tempcache" }, "policy"],
    [{ ...STATE, windowFrames: 4 }, "windowFrames"],
    [{ ...STATE, sinkFrames: 1 }, "sinkFrames"],
    [{ ...STATE, storage: "int8" }, "storage"],
    [{ ...STATE, attention: "hashed" }, "attention"],
  ] as const)("refuses %j, and goes on as it was", async (cache, path) => {
    const generation = await model.open({ seed: 3, cache: STATE });
    await expect(generation.configureCache(cache)).rejects.toMatchObject({
      code: "bad_parameter",
      detail: { path: `cache.${path}` },
    });
    await play(generation, 2);
    expect(generation.cache.policy).toBe("state");
  });

  it("is what its sessions keep without asking, and all that they may", () => {
    expect(model.cache.initial).toEqual(STATE);
    expect(model.cache.allowance).toMatchObject({ isState: true, hashes: false });
  });
});

it("is nothing that a package of slots can keep", async () => {
  const modelPackage = await loadPackage(tinyPath("tiny-separable"));
  const model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
  const cache = { policy: "state", windowFrames: 4, sinkFrames: 0 } as const;
  await expect(model.open({ seed: 1, cache })).rejects.toMatchObject({
    code: "bad_parameter",
    detail: { path: "cache.policy" },
  });
  await model.close();
});

describe("a manifest with a state is refused", () => {
  it.each([
    ["cache.windowFrames", { windowFrames: 4 }],
    ["cache.sinkFrames", { sinkFrames: 2 }],
    ["cache.mostSlots", { mostSlots: 64 }],
    ["cache.policy", { policy: { name: "tempcache" } }],
  ] as const)("with %s", async (path, change) => {
    await using copy = await PackageCopy.of("tiny-state");
    Object.assign(copy.manifest.cache, change);
    await copy.save();
    await expect(loadPackage(copy.path)).rejects.toMatchObject({
      code: "package_invalid",
      message: expect.stringContaining(`\`${path}\``) as string,
    });
  });

  it("whose graph keeps slots", async () => {
    await using copy = await PackageCopy.of("tiny-entangled");
    Object.assign(copy.manifest.cache, { kind: "state", sinkFrames: 0, windowFrames: 2 });
    await copy.save();
    await expect(loadPackage(copy.path)).rejects.toMatchObject({
      code: "package_shape",
      message: expect.stringContaining("cache_state") as string,
    });
  });
});
