import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawNormals, drawWords, type NoiseKey } from "../../../src/core/noise.ts";

interface Case extends NoiseKey {
  readonly count: number;
  readonly words: readonly number[];
  readonly normals: readonly number[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../fixtures/noise.json", import.meta.url), "utf8"),
) as { cases: readonly Case[] };

describe("noise", () => {
  it.each(cases)("draws the training code's words for seed $seed, block $block", (golden) => {
    const words = new Uint32Array(golden.words.length);
    drawWords(words, golden);
    expect([...words]).toEqual(golden.words);
  });

  it.each(cases)("draws its normals to float32 rounding for seed $seed, block $block", (golden) => {
    const normals = new Float32Array(golden.count);
    drawNormals(normals, golden);
    for (const [i, wanted] of golden.normals.entries()) {
      // Two roundings of one float64 differ by at most a unit in the last place.
      expect(Math.abs((normals[i] ?? 0) - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -23);
    }
  });

  it("gives every (seed, block, step, lane) noise of its own", () => {
    const part = fc.integer({ min: 0, max: 2 ** 31 });
    const key = fc.record({ seed: fc.maxSafeNat(), block: part, step: part, lane: part });
    const draw = (of: NoiseKey): string => {
      const words = new Uint32Array(8);
      drawWords(words, of);
      return words.join();
    };
    fc.assert(
      fc.property(key, key, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(draw(a) === draw(b)).toBe(same);
      }),
    );
  });

  it("has mean 0 and variance 1", () => {
    const normals = new Float32Array(100_000);
    drawNormals(normals, { seed: 5, block: 9, step: 0, lane: 0 });
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
  });
});
