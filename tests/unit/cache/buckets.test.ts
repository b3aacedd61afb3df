import { describe, expect, it } from "vitest";
import { BucketHash, BucketSet, type BucketSizes } from "../../../src/cache/buckets.ts";
import { drawNormals } from "../../../src/core/noise.ts";

const DIMS = 16;

const normals = (block: number): Float32Array => {
  const vector = new Float32Array(DIMS);
  drawNormals(vector, { seed: 3, block, step: 0, lane: 0 });
  return vector;
};

/** Whether two vectors share a bucket under some sizes. */
function share(sizes: BucketSizes, a: Float32Array, b: Float32Array): boolean {
  const hash = new BucketHash(DIMS, sizes);
  const codes = new Uint16Array(hash.tables);
  const set = new BucketSet(1, hash);
  hash.write(a, 0, codes, 0);
  set.add(0, codes, 0);
  hash.write(b, 0, codes, 0);
  return set.shares(0, 1, codes, 0);
}

/** A vector at some distance from another. */
const near = (vector: Float32Array, block: number, distance: number): Float32Array => {
  const away = normals(block);
  return vector.map((x, i) => x + distance * (away[i] ?? 0));
};

describe("buckets", () => {
  const sizes = { tables: 4, bits: 10 };

  it("hold a vector and its multiples, never its opposite", () => {
    for (let i = 0; i < 50; i++) {
      const vector = normals(i);
      const [longer, opposite] = [7, -1].map((factor) => vector.map((x) => factor * x));
      expect(share(sizes, vector, longer ?? vector)).toBe(true);
      expect(share(sizes, vector, opposite ?? vector)).toBe(false);
    }
  });

  it("are shared by near vectors more often than by far ones", () => {
    const shareOf = (distance: number): number =>
      Array.from({ length: 200 }, (_, i) => {
        const vector = normals(i);
        return share(sizes, vector, near(vector, 1000 + i, distance)) ? 1 : 0;
      }).reduce<number>((n, m) => n + m, 0);
    const [close, middle, far] = [0.1, 0.6, 100].map(shareOf);
    expect(close).toBeGreaterThan(190);
    expect(middle).toBeLessThan(close ?? 0);
    expect(far).toBeLessThan(middle ?? 0);
    expect(far).toBeLessThan(20);
  });

  it("are one where there are no hyperplanes", () => {
    expect(share({ tables: 1, bits: 0 }, normals(1), normals(2))).toBe(true);
  });

  it("are asked for row by row", () => {
    const hash = new BucketHash(DIMS, sizes);
    const codes = new Uint16Array(3 * hash.tables);
    const set = new BucketSet(4, hash);
    for (let row = 0; row < 3; row++) hash.write(normals(row), 0, codes, row * hash.tables);
    set.add(2, codes, 1 * hash.tables);
    expect(set.shares(1, 3, codes, 0)).toBe(true);
    expect(set.shares(0, 2, codes, 0)).toBe(false);
    expect(set.shares(2, 1, codes, 0)).toBe(false);
  });
});
