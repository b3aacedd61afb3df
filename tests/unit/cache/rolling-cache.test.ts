import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CACHE_POLICIES,
  type CacheAllowance,
  type CacheChoice,
  policyOf,
  possiblePolicies,
  settle,
} from "../../../src/cache/choice.ts";
import { keepAll } from "../../../src/cache/keeping.ts";
import { EMPTY_BIAS } from "../../../src/cache/slot-tables.ts";
import { LAYOUT, TinyCache, windowed } from "../../support/tiny-cache.ts";

/** Commit a block of a pass that may bring more, or keep by other limits from now on. */
const acts = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(1, 2).chain((frames) =>
        fc.record({
          do: fc.constant("commit" as const),
          frames: fc.constant(frames),
          brought: fc.constantFrom(frames, 2 * frames),
        }),
      ),
    },
    fc.record({
      do: fc.constant("configure" as const),
      sinks: fc.integer({ min: 0, max: 2 }),
      window: fc.integer({ min: 2, max: 4 }),
    }),
  ),
  { maxLength: 40 },
);

/** The same by plain lists: sinks are the first frames ever, the rest leave oldest first. */
function keep(held: readonly number[], sinks: number, window: number): number[] {
  const raw = held.filter((frame) => frame >= sinks);
  const gone = new Set(raw.slice(0, Math.max(0, raw.length - window)));
  return held.filter((frame) => !gone.has(frame));
}

describe("RollingCache", () => {
  it("keeps the sinks and the newest frames, numbered from 0 without a gap, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (script) => {
        const tiny = new TinyCache(windowed(1, 3));
        let [sinks, window, made] = [1, 3, 0];
        let held: number[] = [];
        for (const act of script) {
          if (act.do === "commit") {
            await tiny.commit(act.frames, act.brought);
            held.push(...Array.from({ length: act.frames }, () => made++));
          } else {
            ({ sinks, window } = act);
            await tiny.cache.configure(windowed(sinks, window));
          }
          held = keep(held, sinks, window);
          expect(tiny.frames()).toEqual(held);
          expect(tiny.cache.report.slots).toBe(held.length * LAYOUT.tokensPerFrame);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("gives a pass's own frames the positions after the cached ones", async () => {
    const tiny = new TinyCache(windowed(1, 3));
    const own = { cos: new Float32Array(6), sin: new Float32Array(6) };
    for (const cached of [0, 1, 2, 3, 4, 4, 4]) {
      tiny.cache.writeOwnTables(own, 2);
      const turns = [...own.cos].map((cos) => cos.toFixed(5));
      const wanted = [cached, cached, cached, cached + 1, cached + 1, cached + 1];
      expect(turns).toEqual(wanted.map((position) => Math.cos(position).toFixed(5)));
      await tiny.commit(1);
    }
  });

  it("turns dim i by theta^(-i / half) a frame", async () => {
    const position = { kind: "window", rotaryDim: 4, theta: 100 } as const;
    const tiny = new TinyCache(windowed(0, 6), { ...LAYOUT, position });
    await tiny.commit(3);
    const third = 2 * LAYOUT.tokensPerFrame * 2;
    const [fast = 0, slow = 0] = tiny.cache.tables.sin.subarray(third, third + 2);
    expect(fast).toBeCloseTo(Math.sin(2), 6);
    expect(slow).toBeCloseTo(Math.sin(2 * 100 ** -0.5), 6);
  });

  it("hides empty slots and gives slots that stand for one token no bias", async () => {
    const tiny = new TinyCache(windowed(0, 6));
    await tiny.commit(2);
    const { bias } = tiny.cache.tables;
    const used = 2 * LAYOUT.tokensPerFrame;
    for (const layer of [0, 1]) {
      const own = bias.subarray(layer * 18, (layer + 1) * 18);
      expect([...own.subarray(0, used)]).toEqual(Array.from({ length: used }, () => 0));
      expect(new Set(own.subarray(used))).toEqual(new Set([EMPTY_BIAS]));
    }
  });

  it("holds a million frames' worth of time in positions below its own size", {
    timeout: 300_000,
  }, async () => {
    const small = { layers: 1, heads: 1, headDim: 2, tokensPerFrame: 1 };
    const layout = { ...LAYOUT, ...small, slots: { least: 6, most: 6 } };
    const tiny = new TinyCache(windowed(2, 4), layout);
    const before = tiny.cache.tables;
    const frames = 1_000_000;
    for (let frame = 0; frame < frames; frame++) await tiny.commit(1);
    expect(tiny.cache.tables).toBe(before);
    expect(tiny.cache.committed).toBe(frames);
    expect(tiny.frames()).toEqual([0, 1, frames - 4, frames - 3, frames - 2, frames - 1]);
    const { position } = tiny.cache.record.facts;
    expect([...position].sort((a, b) => a - b)).toEqual(tiny.frames());
  });

  it("refuses a frame too many under the policy `full`, and writes nothing then", async () => {
    const tiny = new TinyCache(keepAll);
    await tiny.commit(5);
    const error = await tiny.commit(2).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "cache_overflow", recovery: "reset-cache" });
    expect(tiny.frames()).toEqual([0, 1, 2, 3, 4]);
    await tiny.commit(1);
    expect(tiny.frames()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("forgets everything when it is cleared, and counts from 0 again", async () => {
    const tiny = new TinyCache(windowed(1, 3));
    await tiny.commit(5);
    tiny.cache.clear();
    expect(tiny.frames()).toEqual([]);
    expect(new Set(tiny.store.key)).toEqual(new Set([0]));
    await tiny.commit(2);
    expect(tiny.frames()).toEqual([0, 1]);
  });

  it("reports what it holds", async () => {
    const tiny = new TinyCache(windowed(1, 3));
    await tiny.commit(2);
    const bytesOfSlot = 2 * 4 * LAYOUT.layers * LAYOUT.heads * LAYOUT.headDim;
    expect(tiny.cache.report).toEqual({
      policy: "sink 1 + window 3",
      bytes: 6 * bytesOfSlot,
      slots: 6,
      capacity: 18,
    });
  });
});

const ALLOWANCE: CacheAllowance = {
  framesPerBlock: 2,
  tokensPerFrame: 4,
  windowFrames: 8,
  sinkFrames: 2,
  mostSlots: 200,
  groupFrames: 4,
  compressors: [],
  isState: false,
  isHost: true,
  hashes: false,
};

describe("policyOf", () => {
  const layout = { ...LAYOUT, windowFrames: 8, slots: { least: 30, most: 30 } };
  const bounds = { allowance: ALLOWANCE, layout, learned: () => undefined };
  const choice = { policy: "window", windowFrames: 8, sinkFrames: 2 } as const;

  it.each([
    [choice, "sink 2 + window 8"],
    [{ ...choice, sinkFrames: 0 }, "window 8"],
    [{ ...choice, policy: "full" as const }, "full"],
  ])("names %j %s", (chosen, name) => {
    expect(policyOf(chosen, bounds).name).toBe(name);
  });

  it.each([
    { ...choice, windowFrames: 1 },
    { ...choice, windowFrames: 9 },
    { ...choice, windowFrames: 2.5 },
    { ...choice, windowFrames: Number.NaN },
    { ...choice, sinkFrames: 3 },
    { ...choice, sinkFrames: -1 },
  ])("refuses %j", (chosen) => {
    expect(() => policyOf(chosen, bounds)).toThrow(
      expect.objectContaining({ code: "bad_parameter" }),
    );
  });
});

describe("settle", () => {
  const choice: CacheChoice = { policy: "tempcache", windowFrames: 8, sinkFrames: 2 };

  it("says everything that a choice leaves open", () => {
    expect(settle(choice, ALLOWANCE)).toEqual({
      ...choice,
      memorySlots: 64,
      threshold: 0.9,
      match: "layer",
      kernel: "mean",
      grouping: "temporal",
      every: 8,
      storage: "float32",
      attention: "dense",
    });
    expect(settle({ ...choice, policy: "window" }, ALLOWANCE).memorySlots).toBe(0);
  });

  it("takes the package's own compressor where there is one", () => {
    const learned = { ...ALLOWANCE, compressors: ["temporal"] as const };
    expect(settle({ ...choice, policy: "convkv" }, learned).kernel).toBe("learned");
    const raster = { ...choice, policy: "convkv", grouping: "raster" } as const;
    expect(settle(raster, learned).kernel).toBe("mean");
  });

  it.each([
    [{ memorySlots: 3 }, "memorySlots"],
    [{ memorySlots: 161 }, "memorySlots"],
    [{ threshold: 1.5 }, "threshold"],
    [{ threshold: Number.NaN }, "threshold"],
    [{ every: 0 }, "every"],
    [{ policy: "convkv", kernel: "learned" } as const, "kernel"],
  ])("refuses %j, naming it", (change, name) => {
    expect(() => settle({ ...choice, ...change }, ALLOWANCE)).toThrow(
      expect.objectContaining({ code: "bad_parameter", detail: { path: `cache.${name}` } }),
    );
  });

  it("has no memory where floats lie on a device, or where there is no room", () => {
    const ofSlots = CACHE_POLICIES.filter((policy) => policy !== "state");
    expect(possiblePolicies(ALLOWANCE)).toEqual(ofSlots);
    expect(possiblePolicies({ ...ALLOWANCE, isState: true })).toEqual(["state"]);
    expect(possiblePolicies({ ...ALLOWANCE, isHost: false })).toEqual(["window", "full"]);
    expect(possiblePolicies({ ...ALLOWANCE, mostSlots: 8 })).toEqual(["window", "full"]);
    expect(possiblePolicies({ ...ALLOWANCE, tokensPerFrame: 3 })).not.toContain("pool");
  });
});
