import { describe, expect, it } from "vitest";
import { LinearState } from "../../../src/cache/linear-state.ts";
import { LAYOUT } from "../../support/tiny-cache.ts";

const { layers, heads, headDim } = LAYOUT;
const FLOATS = layers * heads * headDim ** 2;

describe("a linear state", () => {
  it("is as large after ten thousand blocks as at first", () => {
    const state = new LinearState(LAYOUT);
    const { values, report } = state;
    const next = new Float32Array(FLOATS);
    for (let block = 1; block <= 10_000; block++) {
      for (let i = 0; i < FLOATS; i++) next[i] = 0.9 * (values[i] ?? 0) + Math.sin(block + i);
      state.commit(next, 2);
    }
    expect(state.values).toBe(values);
    expect(state.report).toEqual(report);
    expect(report.bytes).toBe(FLOATS * Float32Array.BYTES_PER_ELEMENT);
    expect(state.committed).toBe(20_000);
    expect(state.freeze()).toHaveLength(8 + FLOATS * Float32Array.BYTES_PER_ELEMENT);
    expect(values.every((value) => Math.abs(value) <= 10)).toBe(true);
    expect(values.some((value) => value !== 0)).toBe(true);
  });

  it("comes back bit for bit, and refuses what is no state of its size", () => {
    const state = new LinearState(LAYOUT);
    state.commit(
      Float32Array.from({ length: FLOATS }, (_, i) => i),
      3,
    );
    const frozen = state.freeze();
    const other = new LinearState(LAYOUT);
    other.requireFits(frozen);
    other.thaw(frozen);
    expect(other.values).toEqual(state.values);
    expect(other.committed).toBe(3);
    const spoilt = frozen.slice();
    new DataView(spoilt.buffer).setFloat64(0, -1, true);
    for (const bytes of [new Uint8Array(), frozen.subarray(1), spoilt]) {
      expect(() => {
        other.requireFits(bytes);
      }).toThrow(expect.objectContaining({ code: "snapshot_invalid" }));
    }
  });

  it("forgets all at once, and counts on or anew", () => {
    const state = new LinearState(LAYOUT);
    state.commit(new Float32Array(FLOATS).fill(1), 2);
    state.forget();
    expect(state.values.every((value) => value === 0)).toBe(true);
    expect(state.inspection).toMatchObject({ frames: 2, ages: [], recall: 0 });
    state.commit(new Float32Array(FLOATS).fill(1), 2);
    state.clear();
    expect(state.committed).toBe(0);
  });
});
