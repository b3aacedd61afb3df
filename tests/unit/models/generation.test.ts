import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import type { ErrorCode } from "../../../src/core/errors.ts";
import { hostMemory } from "../../../src/models/cache-memory.ts";
import { PackageGeneration } from "../../../src/models/generation.ts";
import type { Graph } from "../../../src/models/graph.ts";
import { type CacheChoice, type Model, openModel } from "../../../src/models/model.ts";
import { loadPackage } from "../../../src/models/package.ts";
import { Starts } from "../../../src/models/starts.ts";
import { type TinyPackage, tinyPath } from "../../support/oracle.ts";
import { PackageCopy } from "../../support/package-copy.ts";

const CACHE: CacheChoice = { policy: "window", windowFrames: 4, sinkFrames: 1 };
const CONTROL = Float32Array.of(1, 0.5, 0, 1);

const open = async (name: TinyPackage): Promise<Model> =>
  openModel(await loadPackage(tinyPath(name)), { provider: "cpu" }, systemClock);

const failure = (code: ErrorCode) => expect.objectContaining({ code }) as unknown;

describe("a generation", () => {
  let model: Model;
  beforeAll(async () => {
    model = await open("tiny-separable");
    return () => model.close();
  });

  it("hands out pictures of the lane's size and latents the receiver owns", async () => {
    const generation = await model.open({ seed: 1, cache: CACHE });
    const first = await generation.next({ control: CONTROL, steps: 2 });
    const kept = first.latents.slice();
    await generation.next({ control: CONTROL, steps: 2 });
    expect(first.pictures.map((picture) => picture.length)).toEqual([32 * 32 * 3]);
    expect(first.latents).toEqual(kept);
    expect(generation.block).toBe(2);
    for (const part of Object.values(first.timings)) expect(part).toBeGreaterThanOrEqual(0);
  });

  it("sees its controls and its step count in the very next block", async () => {
    const made: string[] = [];
    for (const [control, steps] of [
      [CONTROL, 1],
      [CONTROL.map((x) => -x), 1],
      [CONTROL, 2],
    ] as const) {
      const generation = await model.open({ seed: 1, cache: CACHE });
      made.push((await generation.next({ control, steps })).latents.join());
    }
    expect(new Set(made).size).toBe(3);
  });

  it("shrinks and grows its cache without forgetting what fits", async () => {
    const generation = await model.open({ seed: 1, cache: CACHE });
    for (let block = 0; block < 8; block++) await generation.next({ control: CONTROL, steps: 1 });
    expect(generation.cache.slots).toBe(5 * 4);
    await generation.configureCache({ ...CACHE, windowFrames: 2 });
    expect(generation.cache).toMatchObject({ policy: "sink 1 + window 2", slots: 3 * 4 });
    await generation.configureCache({ ...CACHE, windowFrames: 15 });
    await generation.next({ control: CONTROL, steps: 1 });
    expect(generation.cache.slots).toBe(4 * 4);
  });

  it("fills a whole cache under the policy `full` and then says so", async () => {
    const generation = await model.open({ seed: 1, cache: { ...CACHE, policy: "full" } });
    const next = () => generation.next({ control: CONTROL, steps: 1 });
    for (let block = 0; block < 16; block++) await next();
    expect(generation.cache.slots).toBe(generation.cache.capacity);
    await expect(next()).rejects.toEqual(failure("cache_overflow"));
    await generation.reset({ seed: 1, cache: CACHE });
    await expect(next()).resolves.toBeDefined();
  });

  it.each<[string, ErrorCode, Parameters<Model["open"]>[0]]>([
    ["an unknown start", "unknown_start", { seed: 1, start: "moon", cache: CACHE }],
    ["a seed below 0", "bad_parameter", { seed: -1, cache: CACHE }],
    ["a seed that is not whole", "bad_parameter", { seed: 0.5, cache: CACHE }],
    ["a seed of 2^53", "bad_parameter", { seed: 2 ** 53, cache: CACHE }],
    [
      "a window beyond the package's",
      "bad_parameter",
      { seed: 1, cache: { ...CACHE, windowFrames: 16 } },
    ],
    [
      "more sinks than the package's",
      "bad_parameter",
      { seed: 1, cache: { ...CACHE, sinkFrames: 2 } },
    ],
  ])("does not begin from %s", async (_, code, beginning) => {
    await expect(model.open(beginning)).rejects.toEqual(failure(code));
    const generation = await model.open({ seed: 1, cache: CACHE });
    await generation.next({ control: CONTROL, steps: 1 });
    const before = await generation.snapshot();
    await expect(generation.reset(beginning)).rejects.toEqual(failure(code));
    expect(await generation.snapshot()).toEqual(before);
  });

  it("changes nothing when it is asked for what it cannot do", async () => {
    const generation = await model.open({ seed: 1, cache: CACHE });
    const before = await generation.snapshot();
    const short = CONTROL.subarray(1);
    const latents = new Float32Array(64);
    const refused: [Promise<unknown>, ErrorCode][] = [
      [generation.next({ control: short, steps: 1 }), "bad_control"],
      [generation.next({ control: CONTROL, steps: 3 }), "bad_parameter"],
      [generation.configureCache({ ...CACHE, windowFrames: 0 }), "bad_parameter"],
      [generation.recache({ block: 3, frames: [] }), "bad_parameter"],
      [generation.recache({ block: 3, frames: [{ latents, control: short }] }), "bad_control"],
      [
        generation.recache({
          block: 3,
          frames: [{ latents: latents.subarray(1), control: CONTROL }],
        }),
        "bad_parameter",
      ],
    ];
    for (const [work, code] of refused) await expect(work).rejects.toEqual(failure(code));
    expect(await generation.snapshot()).toEqual(before);
  });

  it("refuses a snapshot that was damaged anywhere, and keeps its state", async () => {
    const generation = await model.open({ seed: 1, cache: CACHE });
    await generation.next({ control: CONTROL, steps: 1 });
    const bytes = await generation.snapshot();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const damaged = bytes.slice();
          damaged[at] = (damaged[at] ?? 0) ^ mask;
          await expect(generation.restore(damaged)).rejects.toEqual(failure("snapshot_invalid"));
        },
      ),
    );
    const other = [new Uint8Array(), bytes.subarray(40), bytes.subarray(0, 40), new Uint8Array(64)];
    for (const damaged of other) {
      await expect(generation.restore(damaged)).rejects.toEqual(failure("snapshot_invalid"));
    }
    expect(await generation.snapshot()).toEqual(bytes);
  });

  it("refuses another package's snapshot", async () => {
    const other = await open("tiny-fused");
    const bytes = await (await other.open({ seed: 1, cache: CACHE })).snapshot();
    const generation = await model.open({ seed: 1, cache: CACHE });
    await expect(generation.restore(bytes)).rejects.toEqual(failure("snapshot_invalid"));
    await other.close();
  });

  it("is independent of its neighbours on the same graphs", async () => {
    const alone = await model.open({ seed: 3, cache: CACHE });
    const wanted: string[] = [];
    for (let block = 0; block < 3; block++) {
      wanted.push((await alone.next({ control: CONTROL, steps: 2 })).latents.join());
    }
    const [one, two] = await Promise.all([3, 4].map((seed) => model.open({ seed, cache: CACHE })));
    for (const latents of wanted) {
      const [mine] = await Promise.all([
        one?.next({ control: CONTROL, steps: 2 }),
        two?.next({ control: CONTROL, steps: 1 }),
      ]);
      expect(mine?.latents.join()).toBe(latents);
    }
  });

  it("ends a block whose network answers nonsense, and begins well after a reset", async () => {
    const modelPackage = model.modelPackage;
    let nonsense = true;
    const broken: Graph = {
      bind: (_, outputs) => ({
        run: () => {
          (outputs["prediction"] as Float32Array).fill(nonsense ? Number.NaN : 0.5);
          return Promise.resolve();
        },
      }),
    };
    const silent: Graph = { bind: () => ({ run: () => Promise.resolve() }) };
    const graphs = (role: string): Graph => (role === "denoiser" ? broken : silent);
    const starts = new Starts(modelPackage, graphs);
    const generation = await PackageGeneration.open(
      { modelPackage, graphs, memory: hostMemory, starts, clock: systemClock },
      { seed: 1, cache: CACHE },
    );
    await expect(generation.next({ control: CONTROL, steps: 1 })).rejects.toMatchObject({
      code: "inference_failed",
      recovery: "reset-cache",
    });
    nonsense = false;
    await generation.reset({ seed: 1, cache: CACHE });
    const { latents } = await generation.next({ control: CONTROL, steps: 1 });
    expect(new Set(latents)).toEqual(new Set([0.5]));
  });
});

describe("a package whose latents lie on a grid", () => {
  it("rounds what it generates to the grid before anything sees it", async () => {
    await using copy = await PackageCopy.of("tiny-separable");
    copy.manifest.lanes.video.latent.quantiser = { kind: "fsq", levels: 5 };
    await copy.save();
    const model = await openModel(await loadPackage(copy.path), { provider: "cpu" }, systemClock);
    const generation = await model.open({ seed: 1, cache: CACHE });
    const grid = new Set([-1, -0.5, 0, 0.5, 1]);
    const seen = new Set<number>();
    for (let block = 0; block < 3; block++) {
      const { latents } = await generation.next({ control: CONTROL, steps: 2 });
      for (const value of latents) seen.add(value);
    }
    expect([...seen].filter((value) => !grid.has(value))).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
    await model.close();
  });
});
