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

const WINDOW: CacheChoice = { policy: "window", windowFrames: 3, sinkFrames: 0 };
const CHOICES: readonly CacheChoice[] = [
  WINDOW,
  { ...WINDOW, policy: "full" },
  { ...WINDOW, policy: "tempcache", memorySlots: 24, threshold: 0.5 },
  { ...WINDOW, policy: "tempcache", memorySlots: 24, threshold: 0.3, match: "head" },
  { ...WINDOW, policy: "convkv", memorySlots: 32 },
  { ...WINDOW, policy: "convkv", memorySlots: 32, kernel: "mean" },
  { ...WINDOW, policy: "convkv", memorySlots: 32, kernel: "mean", grouping: "raster" },
  { ...WINDOW, policy: "thin", memorySlots: 12, every: 3 },
  { ...WINDOW, policy: "pool", memorySlots: 7 },
  { ...WINDOW, policy: "random", memorySlots: 16 },
  { ...WINDOW, policy: "tempcache", memorySlots: 24, storage: "int8" },
  { ...WINDOW, policy: "convkv", memorySlots: 32, storage: "int4" },
  { ...WINDOW, policy: "full", storage: "float16" },
  { ...WINDOW, policy: "full", attention: "hashed" },
  { ...WINDOW, policy: "tempcache", memorySlots: 24, threshold: 0.5, attention: "hashed" },
  { ...WINDOW, policy: "convkv", memorySlots: 32, storage: "int8", attention: "hashed" },
];

/** Keys that swing, so that blocks differ. */
const control = (block: number): Float32Array =>
  Float32Array.of(block % 3 === 0 ? 1 : 0, Math.sin(block), 1, 0);

/** Latents of the next `count` blocks. */
async function blocks(generation: Generation, count: number): Promise<Float32Array[]> {
  const made: Float32Array[] = [];
  for (let i = 0; i < count; i++) {
    const { latents } = await generation.next({ control: control(generation.block), steps: 1 });
    made.push(latents);
  }
  return made;
}

describe("a package with open slots", () => {
  let model: Model;
  beforeAll(async () => {
    const modelPackage = await loadPackage(tinyPath("tiny-open"));
    model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
    return () => model.close();
  });

  describe.each(CHOICES)("$policy $kernel $grouping $match $storage $attention", (cache) => {
    it("makes the same stream twice, in slots that stay within what was asked", async () => {
      const [one, two] = await Promise.all([0, 1].map(() => model.open({ seed: 5, cache })));
      if (one === undefined || two === undefined) throw new Error("two are wanted");
      expect(await blocks(one, 40)).toEqual(await blocks(two, 40));
      const { slots } = one.cache;
      if (cache.policy !== "full")
        expect(slots).toBeLessThanOrEqual(3 * 4 + (cache.memorySlots ?? 0));
      else expect(slots).toBe(40 * 4);
      const { ages, recall } = one.inspection;
      const counted = ages.flatMap((band) => band.slots).reduce((n, m) => n + m, 0);
      expect(Math.abs(counted - slots)).toBeLessThan(4);
      expect(recall).toBeGreaterThan(0);
    });

    it("goes on bit for bit from a snapshot: forked, rewound, and after it was something else", async () => {
      const original = await model.open({ seed: 6, cache });
      await blocks(original, 17);
      const snapshot = await original.snapshot();
      const wanted = await blocks(original, 9);

      const fork = await model.open({ seed: 1, cache: WINDOW });
      await blocks(fork, 3);
      await fork.restore(snapshot);
      expect(await blocks(fork, 9)).toEqual(wanted);
      await original.restore(snapshot);
      expect(await blocks(original, 9)).toEqual(wanted);
      expect(await original.snapshot()).toEqual(await fork.snapshot());
    });

    it("can be changed to any other while it runs", async () => {
      const generation = await model.open({ seed: 7, cache });
      for (const other of [...CHOICES, cache]) {
        await generation.configureCache(other);
        await blocks(generation, 5);
        expect(generation.cache.policy).not.toBe("");
      }
    });
  });

  it("is the full cache where nothing was merged yet", async () => {
    const full = await model.open({ seed: 8, cache: { ...WINDOW, policy: "full" } });
    const merging = { ...WINDOW, policy: "tempcache", memorySlots: 400, threshold: 1 } as const;
    const apart = await model.open({ seed: 8, cache: merging });
    const [one, two] = [await blocks(full, 20), await blocks(apart, 20)];
    for (const [i, latents] of one.entries()) {
      expect(largestDistance(latents, two[i] ?? [])).toBeLessThan(2e-5);
    }
  });

  it("is the dense cache where hashed attention has nothing beyond the window to choose from", async () => {
    const dense = await model.open({ seed: 8, cache: WINDOW });
    const hashed = await model.open({ seed: 8, cache: { ...WINDOW, attention: "hashed" } });
    const [one, two] = [await blocks(dense, 20), await blocks(hashed, 20)];
    for (const [i, latents] of one.entries()) {
      expect(largestDistance(latents, two[i] ?? [])).toBeLessThan(1e-5);
    }
  });

  it("forgets on request, with or without its sinks, and goes on", async () => {
    const generation = await model.open({ seed: 9, cache: { ...WINDOW, policy: "full" } });
    await blocks(generation, 10);
    await generation.forget({ keepSinks: true });
    expect(generation.cache.slots).toBe(0);
    await blocks(generation, 2);
    expect(generation.block).toBe(12);
    expect(generation.cache.slots).toBe(2 * 4);
  });

  it.each([
    [{ ...WINDOW, policy: "tempcache", memorySlots: 3 }, "memorySlots"],
    [{ ...WINDOW, policy: "tempcache", memorySlots: 5000 }, "memorySlots"],
    [{ ...WINDOW, policy: "tempcache", threshold: 1.5 }, "threshold"],
    [{ ...WINDOW, policy: "convkv", kernel: "learned", grouping: "raster" }, "kernel"],
    [{ ...WINDOW, policy: "thin", every: 0 }, "every"],
  ] as const)("refuses %j", async (cache, path) => {
    await expect(model.open({ seed: 1, cache })).rejects.toMatchObject({
      code: "bad_parameter",
      detail: { path: `cache.${path}` },
    });
  });
});

it("hashes for the passes of an entangled model, each by the queries of the one before", async () => {
  const modelPackage = await loadPackage(tinyPath("tiny-hashed"));
  const model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
  const choice = { policy: "full", windowFrames: 2, sinkFrames: 0 } as const;
  const dense = await model.open({ seed: 3, cache: choice });
  const hashed = await model.open({ seed: 3, cache: { ...choice, attention: "hashed" } });
  const [one, two] = [await blocks(dense, 25), await blocks(hashed, 25)];
  expect(largestDistance(one[0] ?? [], two[0] ?? [])).toBeLessThan(1e-5);
  expect(largestDistance(one[24] ?? [], two[24] ?? [])).toBeGreaterThan(1e-3);
  const snapshot = await hashed.snapshot();
  const wanted = await blocks(hashed, 3);
  const fork = await model.open({ seed: 1, cache: choice });
  await fork.restore(snapshot);
  expect(await blocks(fork, 3)).toEqual(wanted);
  await model.close();
});

describe("a package with as many slots as its window", () => {
  it("lends a shorter window's room to a memory", async () => {
    const modelPackage = await loadPackage(tinyPath("tiny-separable"));
    const model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
    const cache = { policy: "tempcache", windowFrames: 4, sinkFrames: 1 } as const;
    const generation = await model.open({ seed: 1, cache });
    await blocks(generation, 60);
    expect(generation.cache.slots).toBeLessThanOrEqual(16 * 4);
    expect(generation.cache.capacity).toBe(16 * 4);
    const whole = { ...cache, windowFrames: 15 };
    await expect(generation.configureCache(whole)).rejects.toMatchObject({ code: "bad_parameter" });
    const hashed = { ...cache, attention: "hashed" } as const;
    await expect(generation.configureCache(hashed)).rejects.toMatchObject({
      code: "bad_parameter",
      detail: { path: "cache.attention" },
    });
    await model.close();
  });
});
