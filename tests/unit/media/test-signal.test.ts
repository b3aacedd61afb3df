import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameTime } from "../../../src/core/units.ts";
import { SAMPLE_RATE, testSignal } from "../../../src/media/sound/test-signal.ts";

const LOUD = 0.3;

/** Samples at which silence of at least a tenth of a second ends. */
function clicks(signal: Float32Array): number[] {
  let quietSince = -SAMPLE_RATE;
  const found: number[] = [];
  for (const [i, value] of signal.entries()) {
    if (Math.abs(value) < LOUD) continue;
    if (i - quietSince > SAMPLE_RATE / 10) found.push(i);
    quietSince = i;
  }
  return found;
}

describe("the test signal", () => {
  it.each([24, 30, 29.97, 60])(
    "clicks with each second's first frame at %s frames a second",
    (rate) => {
      const found = clicks(testSignal(0, 5 * SAMPLE_RATE, rate));
      const spacing = Math.round(rate);
      for (const [i, at] of found.entries()) {
        const due = (frameTime(i * spacing, rate) * SAMPLE_RATE) / 1e6;
        expect(at - due).toBeGreaterThanOrEqual(0);
        expect(at - due).toBeLessThan(16);
      }
      expect(found.length).toBeGreaterThanOrEqual(4);
    },
  );

  it("is the same in whatever pieces it is made", () => {
    const whole = testSignal(0, 3 * SAMPLE_RATE, 30);
    fc.assert(
      fc.property(fc.nat(2 * SAMPLE_RATE), fc.nat(2000), (first, count) => {
        expect(testSignal(first, count, 30)).toEqual(whole.subarray(first, first + count));
      }),
      { numRuns: 20 },
    );
  });

  it("stays within full scale", () => {
    expect(Math.max(...testSignal(0, SAMPLE_RATE, 30).map(Math.abs))).toBeLessThanOrEqual(1);
  });
});
