import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawNormals } from "../../../src/core/noise.ts";
import { quantiserOf } from "../../../src/models/quantiser.ts";
import { type BlockDenoiser, type Sampling, sampleBlock } from "../../../src/models/sampler.ts";

const LENGTH = 6;
const TRUTH = Float32Array.of(0.5, -1, 2, 0, 0.25, -0.75);

/** What each step was shown. */
interface Seen {
  readonly sigma: number;
  readonly step: number;
  readonly sample: Float32Array;
}

/** A network that answers by `answer` and remembers what it was shown. */
function network(answer: (sample: Float32Array, sigma: number) => Float32Array): BlockDenoiser & {
  readonly seen: Seen[];
} {
  const sample = new Float32Array(LENGTH);
  const seen: Seen[] = [];
  return {
    sample,
    seen,
    predict: (sigma, step) => {
      seen.push({ sigma, step, sample: sample.slice() });
      return Promise.resolve(answer(sample, sigma));
    },
  };
}

const sampling = (change: Partial<Sampling>): Sampling => ({
  prediction: "x0",
  solver: "euler",
  sigmas: [1, 0.75, 0.5, 0.25],
  seed: 11,
  block: 3,
  ...change,
});

const noiseOf = (step: number): Float32Array => {
  const noise = new Float32Array(LENGTH);
  drawNormals(noise, { seed: 11, block: 3, step, lane: 0 });
  return noise;
};

const mixed = (x0: Float32Array, noise: Float32Array, sigma: number): Float32Array =>
  x0.map((x, i) => (1 - sigma) * x + sigma * (noise[i] ?? 0));

const expectClose = (got: Float32Array, wanted: Float32Array): void => {
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 5);
};

describe("sampleBlock", () => {
  it("walks from the block's noise to what the network knows, along a straight line", async () => {
    const denoiser = network(() => TRUTH);
    const x0 = new Float32Array(LENGTH);
    await sampleBlock(denoiser, sampling({}), x0);
    expectClose(x0, TRUTH);
    expect(denoiser.seen.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    for (const { sigma, sample } of denoiser.seen)
      expectClose(sample, mixed(TRUTH, noiseOf(0), sigma));
  });

  it("noises the clean block anew for each step when it renoises", async () => {
    const denoiser = network(() => TRUTH);
    await sampleBlock(denoiser, sampling({ solver: "renoise" }), new Float32Array(LENGTH));
    for (const { sigma, sample, step } of denoiser.seen) {
      expectClose(sample, mixed(TRUTH, noiseOf(step), sigma));
    }
  });

  it.each(["euler", "renoise"] as const)(
    "reads velocities as noise minus clean: %s",
    async (solver) => {
      // A perfect network that sees (1 − s)·x0 + s·n answers n − x0 = (sample − x0) / s.
      const denoiser = network((sample, sigma) =>
        sample.map((x, i) => (x - (TRUTH[i] ?? 0)) / sigma),
      );
      const x0 = new Float32Array(LENGTH);
      await sampleBlock(denoiser, sampling({ solver, prediction: "velocity" }), x0);
      expectClose(x0, TRUTH);
    },
  );

  it("asks the network once for each noise level", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), async (steps) => {
        const sigmas = Array.from({ length: steps }, (_, i) => 1 - i / steps);
        const denoiser = network(() => TRUTH);
        await sampleBlock(denoiser, sampling({ sigmas }), new Float32Array(LENGTH));
        expect(denoiser.seen.map(({ sigma }) => sigma)).toEqual(sigmas);
      }),
    );
  });
});

describe("quantiserOf", () => {
  it("leaves latents without a grid as they are", () => {
    const latents = Float32Array.of(0.1, 7);
    quantiserOf(null)(latents);
    expect(latents).toEqual(Float32Array.of(0.1, 7));
  });

  it("gives the nearest of the levels from -1 to 1, and gives it again", () => {
    const levels = fc.integer({ min: 2, max: 33 });
    const values = fc.array(fc.float({ noNaN: true, min: -2, max: 2 }), { minLength: 1 });
    fc.assert(
      fc.property(levels, values, (count, given) => {
        const quantise = quantiserOf({ kind: "fsq", levels: count });
        const rounded = Float32Array.from(given);
        quantise(rounded);
        const grid = Array.from({ length: count }, (_, k) => -1 + (2 * k) / (count - 1));
        for (const [i, value] of given.entries()) {
          const nearest = Math.min(...grid.map((level) => Math.abs(level - value)));
          expect(Math.abs((rounded[i] ?? 0) - value)).toBeLessThanOrEqual(nearest + 1e-6);
        }
        const again = rounded.slice();
        quantise(again);
        expect(again).toEqual(rounded);
      }),
    );
  });
});
