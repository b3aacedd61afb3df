import { describe, expect, it } from "vitest";
import { Interpolator } from "../../../src/media/sound/interpolator.ts";

/** Samples by which a sound comes late, at 48 kHz. */
const DELAY = 24;

const tone = (hertz: number, rate: number, count: number, late = 0): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hertz * (i - late)) / rate));

describe("an interpolator", () => {
  it.each([100, 440, 3_000])("gives a tone of %i Hz three times the samples", (hertz) => {
    const thick = new Interpolator().interpolate(Float32Array.from(tone(hertz, 16_000, 1_600)));
    const wanted = tone(hertz, 48_000, 4_800, DELAY);
    const worst = [...thick.slice(100)].map((x, i) => Math.abs(x - (wanted[i + 100] ?? 0)));
    expect(thick).toHaveLength(4_800);
    expect(Math.max(...worst)).toBeLessThan(0.01);
  });

  it("makes the same sound however it is cut", () => {
    const sound = Float32Array.from(tone(700, 16_000, 640));
    const whole = new Interpolator().interpolate(sound);
    const parts = new Interpolator();
    const joined = [0, 1, 20, 320].flatMap((from, i, all) => [
      ...parts.interpolate(sound.subarray(from, all[i + 1] ?? 640)),
    ]);
    expect(joined).toEqual([...whole]);
  });
});
