import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askedBytes, HashedAttention } from "../../../src/cache/hashed-attention.ts";
import { keepAll } from "../../../src/cache/keeping.ts";
import { rowCount } from "../../../src/cache/layout.ts";
import type { CachePolicy } from "../../../src/cache/policy.ts";
import { SlotKind } from "../../../src/cache/record.ts";
import { EMPTY_BIAS } from "../../../src/cache/slot-tables.ts";
import { tempCache } from "../../../src/cache/temp-cache.ts";
import { OPEN_LAYOUT, TinyCache, type TokenFloats, windowed } from "../../support/tiny-cache.ts";

const { headDim, heads, tokensPerFrame } = OPEN_LAYOUT;
const WINDOW = 2;

/** A cache after `frames` frames, read by hash. */
async function hashed(policy: CachePolicy, frames: number, floats?: TokenFloats) {
  const tiny = new TinyCache(policy, OPEN_LAYOUT);
  for (let frame = 0; frame < frames; frame++) await tiny.commit(1, 1, floats);
  const attention = new HashedAttention(tiny.cache);
  attention.windowFrames = WINDOW;
  return { tiny, attention };
}

/** Queries of one frame, all floats of one as `float` says. */
const queries = (float: (dim: number) => number): Float32Array =>
  Float32Array.from({ length: rowCount(OPEN_LAYOUT) * tokensPerFrame * headDim }, (_, i) =>
    float(i % headDim),
  );

/** What a gathered layer holds: frame numbers by the first float of each slot's values, which are their negatives. */
function framesRead({ attention }: { attention: HashedAttention }, layer = 0): number[] {
  const { slots, bias, value } = attention.gather();
  return Array.from({ length: slots }, (_, i) => i)
    .filter((i) => bias[layer * slots + i] !== EMPTY_BIAS)
    .map((i) => -(value[(layer * heads * slots + i) * headDim] ?? 0));
}

/** Keys of even frames point one way and those of odd frames the other. */
const opposed: TokenFloats = (frame) => [frame % 2 === 0 ? 1 : -1, -frame];

/** Queries that attention, which turns them by their distance of a window to the memory, sees along keys of `sign`. */
const alongKeys = (sign: number) => {
  const [cos, sin] = [Math.cos(OPEN_LAYOUT.windowFrames), Math.sin(OPEN_LAYOUT.windowFrames)];
  return queries((dim) => sign * ([cos + sin, cos - sin][dim] ?? 1));
};

describe("hashed attention", () => {
  it("reads everything before a pass has asked", async () => {
    const cache = await hashed(keepAll, 9);
    expect(framesRead(cache)).toHaveLength(9 * tokensPerFrame);
  });

  it("gathers all that is held, as it is held, where all share a bucket", async () => {
    const { tiny } = await hashed(keepAll, 9);
    const attention = new HashedAttention(tiny.cache, { tables: 1, bits: 0 });
    attention.hear(
      queries(() => 1),
      1,
    );
    const { slots, key, value, bias, cos, sin } = attention.gather();
    const { capacity } = tiny.cache.record;
    const { tables } = tiny.cache;
    const used = 9 * tokensPerFrame;
    for (let row = 0; row < rowCount(OPEN_LAYOUT); row++) {
      for (const [part, gathered] of [
        [tiny.store.key, key],
        [tiny.store.value, value],
      ] as const) {
        expect(gathered.subarray(row * slots * headDim, (row * slots + used) * headDim)).toEqual(
          part.subarray(row * capacity * headDim, (row * capacity + used) * headDim),
        );
      }
    }
    for (const layer of [0, 1]) {
      for (const [whole, gathered] of [
        [tables.bias, bias],
        [tables.cos, cos],
        [tables.sin, sin],
      ] as const) {
        expect(gathered.subarray(layer * slots, layer * slots + used)).toEqual(
          whole.subarray(layer * capacity, layer * capacity + used),
        );
      }
      const rest = bias.subarray(layer * slots + used, (layer + 1) * slots);
      expect(rest.every((each) => each === EMPTY_BIAS)).toBe(true);
    }
  });

  it("reads what a query may find something in, and nothing else beyond the window", async () => {
    const cache = await hashed(keepAll, 9, opposed);
    cache.attention.hear(alongKeys(1), 1);
    expect(new Set(framesRead(cache))).toEqual(new Set([0, 2, 4, 6, 7, 8]));
    cache.attention.hear(alongKeys(-1), 1);
    expect(new Set(framesRead(cache))).toEqual(new Set([1, 3, 5, 7, 8]));
    expect(cache.tiny.cache.report.slots).toBe(9 * tokensPerFrame);
  });

  it.each([SlotKind.raw, SlotKind.kept, SlotKind.merged, SlotKind.compressed])(
    "chooses alike among slots of every kind beyond the window: %i",
    async (kind) => {
      const cache = await hashed(keepAll, 9, opposed);
      const { record } = cache.tiny.cache;
      for (const { slots } of record.frames.slice(0, 7)) {
        for (const [layer, own] of slots.entries()) {
          for (const slot of own) record.settle(layer, slot, { kind });
        }
      }
      cache.attention.hear(alongKeys(1), 1);
      expect(new Set(framesRead(cache))).toEqual(new Set([0, 2, 4, 6, 7, 8]));
    },
  );

  it("never leaves out sinks, nor the window, whatever is asked", async () => {
    const float = fc.float({ min: -3, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(float, { minLength: headDim, maxLength: headDim }),
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 1, max: 4 }),
        async (query, sinks, window) => {
          const memory = tempCache({ slots: 9, threshold: 0.99, match: "layer" });
          const { tiny, attention } = await hashed(windowed(sinks, window, memory), 14, opposed);
          attention.windowFrames = window;
          attention.hear(
            queries((dim) => query[dim] ?? 0),
            1,
          );
          const read = new Set(framesRead({ attention }, 1));
          for (const { frame, kind } of tiny.cache.record.frames) {
            expect([SlotKind.sink, SlotKind.raw]).toContain(kind);
            expect(read).toContain(frame);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("hashes a slot anew once another token was merged into it", async () => {
    const turning: TokenFloats = (frame) => [frame < 6 ? 1 : -1, -frame];
    const all = tempCache({ slots: 30, threshold: 0, match: "layer" });
    const { tiny, attention } = await hashed(windowed(0, WINDOW, all), 5, turning);
    attention.hear(alongKeys(-1), 1);
    expect(new Set(framesRead({ attention }))).toEqual(new Set([3, 4]));
    const merging = tempCache({ slots: 3, threshold: -1, match: "layer" });
    await tiny.cache.configure(windowed(0, WINDOW, merging));
    for (let frame = 5; frame < 9; frame++) await tiny.commit(1, 1, turning);
    expect(framesRead({ attention })).toHaveLength(3 * tokensPerFrame);
  });

  it("decides again as it did, from what it was asked", async () => {
    const cache = await hashed(keepAll, 9, opposed);
    expect(cache.attention.asked).toHaveLength(0);
    cache.attention.hear(alongKeys(1), 1);
    const wanted = framesRead(cache);
    const asked = cache.attention.asked.slice();
    expect(asked).toHaveLength(askedBytes(OPEN_LAYOUT));
    cache.attention.clear();
    expect(framesRead(cache)).toHaveLength(9 * tokensPerFrame);
    cache.attention.resume(asked);
    expect(framesRead(cache)).toEqual(wanted);
  });

  it("gathers into few sizes, so that a graph plans for few", async () => {
    const { tiny, attention } = await hashed(keepAll, 400);
    const sizes = new Set<number>();
    for (let window = 1; window <= 400; window++) {
      attention.windowFrames = window;
      attention.hear(
        queries(() => -1),
        1,
      );
      const gathered = attention.gather();
      expect(gathered.slots).toBeLessThanOrEqual(tiny.cache.record.capacity + 32);
      sizes.add(gathered.slots);
    }
    expect(sizes.size).toBeGreaterThan(4);
    expect(sizes.size).toBeLessThanOrEqual(32);
  });
});
