import fc from "fast-check";
import { expect, test } from "vitest";
import { Decimator } from "../../../src/media/sound/decimator.ts";
import { SampleRing } from "../../../src/media/sound/sample-ring.ts";

test("a ring gives back the end of everything that was written, by sample number", () => {
  const parts = fc.array(fc.nat({ max: 25 }), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      parts,
      fc.nat({ max: 150 }),
      (size, lengths, since) => {
        const ring = new SampleRing(size);
        let written = 0;
        for (const length of lengths) {
          ring.write(Float32Array.from({ length }, (_, i) => written + i));
          written += length;
        }

        const { first, samples } = ring.read(since);

        const from = Math.min(Math.max(since, written - size, 0), written);
        expect(first).toBe(from);
        expect([...samples]).toEqual(Array.from({ length: written - from }, (_, i) => from + i));
      },
    ),
  );
});

const tone = (hertz: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / 48_000));
const loudness = (samples: Float32Array) =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

test("a third of the samples keeps what they can hold, and nothing else", () => {
  const heard = (hertz: number) =>
    loudness(new Decimator().decimate(tone(hertz, 9_600)).subarray(100));

  expect(heard(440)).toBeCloseTo(Math.SQRT1_2, 1);
  expect(heard(4_000)).toBeCloseTo(Math.SQRT1_2, 1);
  expect(heard(10_000)).toBeLessThan(0.01);
  expect(heard(20_000)).toBeLessThan(0.01);
});

test("it does not matter in which parts a sound comes", () => {
  const sound = tone(1_000, 600);
  const whole = [...new Decimator().decimate(sound)];
  expect(whole).toHaveLength(200);

  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 6 }), (cuts) => {
      const decimator = new Decimator();
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), 600];
      const parts = bounds.slice(1).map((end, i) => sound.subarray(bounds[i], end));
      expect(parts.flatMap((part) => [...decimator.decimate(part)])).toEqual(whole);
    }),
  );
});
