import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanCompressor } from "../../../src/cache/compressors.ts";
import { type Compressor, convKv } from "../../../src/cache/conv-kv.ts";
import { keepAll, randomDrop, thin } from "../../../src/cache/keeping.ts";
import type { Memory } from "../../../src/cache/policy.ts";
import { pool } from "../../../src/cache/pool.ts";
import { tempCache } from "../../../src/cache/temp-cache.ts";
import {
  type MemorySlot,
  OPEN_LAYOUT,
  TinyCache,
  type TokenFloats,
  windowed,
} from "../../support/tiny-cache.ts";

const T = OPEN_LAYOUT.tokensPerFrame;

/** A cache with a window of two frames and `memory` behind it, after `frames` frames. */
async function played(frames: number, memory: Memory, floats?: TokenFloats): Promise<TinyCache> {
  const tiny = new TinyCache(windowed(1, 2, memory), OPEN_LAYOUT);
  for (let frame = 0; frame < frames; frame++) await tiny.commit(1, 1, floats);
  return tiny;
}

const merging = (slots: number) => tempCache({ slots, threshold: 0.9, match: "layer" });
const counts = (slots: readonly MemorySlot[]): number[] => slots.map(({ count }) => count);

describe("TempCache", () => {
  it("gives equal tokens one slot that stands for all of them", async () => {
    const tiny = await played(13, merging(30), (frame, token) => [token + 1, frame]);

    // Frame 0 is a sink, frames 11 and 12 are the window, 1 to 10 are merged.
    const memory = tiny.memory();
    expect(counts(memory)).toEqual([10, 10, 10]);
    for (const { bias, newest, value, kind } of memory) {
      expect(bias).toBeCloseTo(Math.log(10), 6);
      expect(newest).toBe(10);
      expect(value).toBeCloseTo(5.5, 5);
      expect(kind).toBe("merged");
    }
    expect(tiny.cache.report.slots).toBe(3 * T + T);
  });

  it("keeps the newest key of what it merges, and the mean of the values", async () => {
    // Keys of all dims equal have one direction, whatever their length.
    const tiny = await played(6, merging(30), (frame) => [frame + 1, 10 * frame]);

    const [slot] = tiny.memory();
    expect(slot).toMatchObject({ key: 4, value: 20, count: 3, newest: 3 });
  });

  it("does not merge what differs, and frees what matched nothing for longest", async () => {
    const signs: TokenFloats = (frame) => [frame % 2 === 0 ? 1 : -1, frame];
    const apart = await played(9, merging(30), signs);
    expect(counts(apart.memory())).toEqual([3, 3, 3, 3, 3, 3]);

    const short = await played(9, merging(T), signs);
    expect(short.memory().map(({ newest }) => newest)).toEqual([6, 6, 6]);
    expect(short.cache.inspect().recall).toBeLessThan(1);
  });

  it("never merges a sink or a frame of the window", async () => {
    const tiny = await played(20, merging(30), () => [1, 1]);
    expect(tiny.cache.record.frames.map(({ frame }) => frame)).toEqual([0, 18, 19]);
  });

  it("asks every head where heads must agree", async () => {
    const match = "head" as const;
    const tiny = await played(9, tempCache({ slots: 30, threshold: 0.9, match }), () => [1, 2]);
    expect(counts(tiny.memory())).toEqual([6, 6, 6]);
  });

  it("reports how far values lay from what stands for them", async () => {
    const exact = await played(9, merging(30), () => [1, 2]);
    expect(exact.cache.inspect()).toMatchObject({ error: 0, recall: 1 });
    const rough = await played(9, merging(30), (frame) => [1, frame + 1]);
    expect(rough.cache.inspect().error).toBeGreaterThan(0.1);
  });
});

describe("ConvKV", () => {
  const mean = meanCompressor(OPEN_LAYOUT, "temporal", 3);

  it("folds groups of frames into one, and lets frames wait until a group is whole", async () => {
    const tiny = await played(1 + 2 + 2, convKv(30, mean));
    expect(tiny.memory()).toEqual([]);
    expect(tiny.cache.record.frames.map(({ frame }) => frame)).toEqual([0, 1, 2, 3, 4]);

    await tiny.commit(1);
    const memory = tiny.memory();
    expect(memory).toHaveLength(T);
    for (const [token, slot] of [...memory].sort((a, b) => a.token - b.token).entries()) {
      expect(slot).toMatchObject({ kind: "compressed", token, count: 3, newest: 3, key: 2 });
    }
  });

  it("keeps a constant as it is, in slots of a constant number, for a thousand frames", async () => {
    const tiny = await played(40, convKv(30, mean), (_, token) => [token + 1, token]);
    const { slots } = tiny.cache.report;
    for (let frame = 0; frame < 1002; frame++) {
      await tiny.commit(1, 1, (_, token) => [token + 1, token]);
    }
    expect(tiny.cache.report.slots).toBe(slots);
    for (const { token, key, value } of tiny.memory()) {
      expect(key).toBeCloseTo(token + 1, 4);
      expect(value).toBeCloseTo(token, 4);
    }
    const seen = 1 + 1002 + 39;
    const stood = counts(tiny.memory()).reduce((n, m) => n + m, 0) / T;
    expect(stood + tiny.cache.record.frames.length).toBe(seen);
  });

  it("folds neighbours in a frame in raster order", async () => {
    const raster = meanCompressor(OPEN_LAYOUT, "raster", 3);
    const tiny = await played(1 + 2 + 3, convKv(30, raster), (frame, token) => [
      10 * frame + token,
      0,
    ]);
    const keys = tiny.memory().map(({ key }) => Math.round(key));
    expect(keys.sort((a, b) => a - b)).toEqual([11, 21, 31]);
  });

  it("asks its compressor for groups of whole frames, oldest first", async () => {
    const asked: number[][] = [];
    const listening: Compressor = {
      ...mean,
      compress: (group) => {
        asked.push([...group.key.subarray(0, 3 * T * 4)].filter((_, i) => i % (T * 4) === 0));
        return mean.compress(group);
      },
    };
    await played(9, convKv(30, listening));
    expect(asked).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});

describe("memories that keep tokens as they came", () => {
  it("thins to one frame of every n, the newest of them", async () => {
    const tiny = await played(30, thin(3 * T, 4));
    const newest = new Set(tiny.memory().map((slot) => slot.newest));
    expect([...newest].sort((a, b) => a - b)).toEqual([16, 20, 24]);
  });

  it("keeps a random share of all frames there ever were, the same share each time", async () => {
    const tiny = await played(2000, randomDrop(90));
    const again = await played(2000, randomDrop(90));
    expect(tiny.memory()).toEqual(again.memory());
    expect(tiny.memory()).toHaveLength(90);
    const early = tiny.memory().filter(({ newest }) => newest < 1000).length;
    // Binomial, 90 draws of one half: 24 to 66 is beyond four standard deviations.
    expect(early).toBeGreaterThan(24);
    expect(early).toBeLessThan(66);
  });

  it("keeps everything and grows, up to what the package allows", async () => {
    const tiny = new TinyCache(keepAll, OPEN_LAYOUT);
    for (let frame = 0; frame < 1000; frame++) await tiny.commit(1);
    expect(tiny.cache.report).toMatchObject({ policy: "full", slots: 3000, capacity: 3000 });
    const positions = new Set(
      tiny.cache.record.frames.map(({ slots }) => tiny.positionOf(1, slots[1]?.[0] ?? 0)),
    );
    expect([...positions].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    await expect(tiny.commit(1)).rejects.toMatchObject({ code: "cache_overflow" });
  });
});

describe("pooling", () => {
  it("makes one token of each square", async () => {
    const layout = { ...OPEN_LAYOUT, tokensPerFrame: 16, slots: { least: 96, most: 4000 } };
    const tiny = new TinyCache(windowed(0, 1, pool(16, 2)), layout);
    for (let frame = 0; frame < 3; frame++) {
      await tiny.commit(1, 1, (_, token) => [token, frame]);
    }
    const firstFrame = tiny.memory().filter(({ newest }) => newest === 0);
    expect(firstFrame.map(({ key }) => key)).toEqual([2.5, 4.5, 10.5, 12.5]);
    expect(counts(firstFrame)).toEqual([4, 4, 4, 4]);
  });
});

const memories: readonly Memory[] = [
  merging(12),
  convKv(18, meanCompressor(OPEN_LAYOUT, "temporal", 3)),
  thin(6, 2),
  randomDrop(7),
];

describe.each(memories.map((memory) => [memory.name, memory] as const))("%s", (_, memory) => {
  it("never holds more than it may, never loses count, and reads memory by its age", async () => {
    const floats = fc.array(fc.tuple(fc.integer({ min: -2, max: 2 }), fc.nat(9)), {
      minLength: 60,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(floats, async (tokens) => {
        const tiny = new TinyCache(windowed(1, 2, memory), OPEN_LAYOUT);
        for (let frame = 0; frame < 20; frame++) {
          await tiny.commit(1, 1, (_frame, token) => tokens[3 * frame + token] ?? [0, 0]);
          const { record } = tiny.cache;
          for (const layer of [0, 1]) {
            const slots = [...record.memorySlots(layer)];
            expect(record.memory(layer)).toBe(slots.length);
            expect(slots.length).toBeLessThanOrEqual(18);
            for (const slot of slots) {
              const newest = record.facts.position[record.at(layer, slot)] ?? 0;
              const position = Math.max(0, 4 - (tiny.cache.committed - newest));
              expect(tiny.positionOf(layer, slot)).toBe(position);
            }
          }
          expect(tiny.cache.inspect().recall).toBeLessThanOrEqual(1);
          expect(tiny.cache.tables.bias.every((bias) => bias === -1e4 || bias >= 0)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});
