import { drawNormals } from "../core/noise.ts";
import { cleanFrom, eulerStep, type Prediction, renoise, type Solver } from "./solver.ts";

/** A network that predicts one block, with everything it is conditioned on already in place. */
export interface BlockDenoiser {
  /** The noisy block [F, C, H, W]; written by the sampler, read by `predict`. */
  readonly sample: Float32Array;
  /** Predict from `sample` at noise level `sigma`. Lifetime of the result: until the next call. */
  predict(sigma: number, step: number): Promise<Float32Array>;
}

/** How one block is denoised. */
export interface Sampling {
  readonly prediction: Prediction;
  readonly solver: Solver;
  /** Noise level of each step, falling; the last step ends at 0. */
  readonly sigmas: readonly number[];
  readonly seed: number;
  readonly block: number;
}

/** The video lane's number in noise keys. */
const VIDEO_LANE = 0;

/**
 * Make one block from noise, in few steps.
 *
 * Shapes: writes the clean block to `x0` [F, C, H, W]. Noise is drawn by (seed, block, step, lane): step 0 is
 * the first noise, `renoise` draws another for each later step.
 */
export async function sampleBlock(
  denoiser: BlockDenoiser,
  sampling: Sampling,
  x0: Float32Array,
): Promise<void> {
  const { sample } = denoiser;
  const { sigmas, seed, block } = sampling;
  const drawNoise = (step: number): void =>
    drawNormals(sample, { seed, block, step, lane: VIDEO_LANE });

  drawNoise(0);
  for (const [step, sigma] of sigmas.entries()) {
    const prediction = await denoiser.predict(sigma, step);
    cleanFrom(x0, sampling.prediction, prediction, sample, sigma);
    const next = sigmas[step + 1];
    if (next === undefined) return;
    if (sampling.solver === "euler") eulerStep(sample, x0, sigma, next);
    else {
      drawNoise(step + 1);
      renoise(sample, x0, next);
    }
  }
}
