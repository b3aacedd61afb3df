import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { freezeCache, parseFrozenCache, thawCache } from "../../../src/cache/snapshot.ts";
import { StreamError } from "../../../src/core/errors.ts";
import { LAYOUT, TinyCache, windowed } from "../../support/tiny-cache.ts";

const POLICY = windowed(1, 3);
/** Of a slot in one layer: keys and values, heads, dims, bytes. */
const BYTES_PER_SLOT = 2 * 2 * 4 * 4;
const parse = (bytes: Uint8Array, layout = LAYOUT) =>
  parseFrozenCache(bytes, layout, BYTES_PER_SLOT);

/** A cache after `frames` frames. */
async function cacheAfter(frames: number): Promise<TinyCache> {
  const tiny = new TinyCache(POLICY);
  for (let frame = 0; frame < frames; frame++) await tiny.commit(1);
  return tiny;
}

describe("a frozen cache", () => {
  it.each([0, 1, 3, 7])(
    "brings everything back after %i frames, wherever it is thawed",
    async (frames) => {
      const original = await cacheAfter(frames);
      const bytes = await freezeCache(original.cache);
      for (const used of [0, 5]) {
        const other = await cacheAfter(used);
        await thawCache(other.cache, parse(bytes));
        expect(other.frames()).toEqual(original.frames());
        expect(other.cache.committed).toBe(frames);
        expect(other.cache.record.frames).toEqual(original.cache.record.frames);
        expect(await freezeCache(other.cache)).toEqual(bytes);
      }
    },
  );

  it("goes on as the original goes on, page by page", async () => {
    const original = await cacheAfter(5);
    const copy = new TinyCache(POLICY);
    await thawCache(copy.cache, parse(await freezeCache(original.cache)));
    for (let frame = 0; frame < 4; frame++) {
      await Promise.all([original.commit(1), copy.commit(1)]);
      expect(await freezeCache(copy.cache)).toEqual(await freezeCache(original.cache));
    }
  });

  it("is refused when it is cut, longer, or for another layout", async () => {
    const bytes = await freezeCache((await cacheAfter(4)).cache);
    const others = [bytes.subarray(1), bytes.subarray(0, -1), Uint8Array.from([...bytes, 0])];
    for (const other of others) {
      expect(() => parse(other)).toThrow(expect.objectContaining({ code: "snapshot_invalid" }));
    }
    expect(() => parseFrozenCache(bytes, LAYOUT, 2 * BYTES_PER_SLOT)).toThrow(StreamError);
    const fewer = { ...LAYOUT, slots: { least: 9, most: 9 } };
    expect(() => parse(bytes, fewer)).toThrow(StreamError);
    expect(() => parse(bytes, { ...LAYOUT, tokensPerFrame: 2 })).toThrow(StreamError);
  });

  it("never crashes on bytes from nowhere", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "snapshot_invalid" });
        }
      }),
    );
  });
});
