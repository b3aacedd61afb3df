import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { freezeCache, parseFrozenCache, thawCache } from "../../../src/cache/snapshot.ts";
import { StreamError } from "../../../src/core/errors.ts";
import { LAYOUT, TinyCache, windowed } from "../../support/tiny-cache.ts";

const POLICY = windowed(1, 3);

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
        thawCache(other.cache, parseFrozenCache(bytes, LAYOUT));
        expect(other.frames()).toEqual(original.frames());
        expect(other.cache.committed).toBe(frames);
        expect(other.cache.record.held).toEqual(original.cache.record.held);
        expect(await freezeCache(other.cache)).toEqual(bytes);
      }
    },
  );

  it("goes on as the original goes on, page by page", async () => {
    const original = await cacheAfter(5);
    const copy = new TinyCache(POLICY);
    thawCache(copy.cache, parseFrozenCache(await freezeCache(original.cache), LAYOUT));
    for (let frame = 0; frame < 4; frame++) {
      await Promise.all([original.commit(1), copy.commit(1)]);
      expect(await freezeCache(copy.cache)).toEqual(await freezeCache(original.cache));
    }
  });

  it("is refused when it is cut, longer, or for another layout", async () => {
    const bytes = await freezeCache((await cacheAfter(4)).cache);
    const others = [bytes.subarray(1), bytes.subarray(0, -1), Uint8Array.from([...bytes, 0])];
    for (const other of others) {
      expect(() => parseFrozenCache(other, LAYOUT)).toThrow(
        expect.objectContaining({ code: "snapshot_invalid" }),
      );
    }
    expect(() => parseFrozenCache(bytes, { ...LAYOUT, headDim: 8 })).toThrow(StreamError);
    expect(() => parseFrozenCache(bytes, { ...LAYOUT, frames: 3 })).toThrow(StreamError);
  });

  it("never crashes on bytes from nowhere", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parseFrozenCache(bytes, LAYOUT);
        } catch (error) {
          expect(error).toMatchObject({ code: "snapshot_invalid" });
        }
      }),
    );
  });
});
