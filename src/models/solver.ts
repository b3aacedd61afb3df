/** Arithmetic of flow matching: sample = (1 − sigma)·x0 + sigma·noise, velocity = noise − x0. In place. */

/** What a network predicts. */
export type Prediction = "x0" | "velocity";

/** How a sample reaches the next noise level. */
export type Solver = "euler" | "renoise";

/** Write the clean block that a prediction stands for to `x0`. Shapes: all equal. */
export function cleanFrom(
  x0: Float32Array,
  kind: Prediction,
  prediction: Float32Array,
  sample: Float32Array,
  sigma: number,
): void {
  if (kind === "x0") {
    x0.set(prediction);
    return;
  }
  for (let i = 0; i < x0.length; i++) {
    x0[i] = (sample[i] ?? 0) - sigma * (prediction[i] ?? 0);
  }
}

/** Move `sample` from `sigma` to the lower level `next` along the straight line that leads to `x0`. */
export function eulerStep(
  sample: Float32Array,
  x0: Float32Array,
  sigma: number,
  next: number,
): void {
  const slope = (next - sigma) / sigma;
  for (let i = 0; i < sample.length; i++) {
    const x = sample[i] ?? 0;
    sample[i] = x + slope * (x - (x0[i] ?? 0));
  }
}

/** Replace `sample`, which holds fresh noise, by `x0` noised to level `next`. */
export function renoise(sample: Float32Array, x0: Float32Array, next: number): void {
  for (let i = 0; i < sample.length; i++) {
    sample[i] = (1 - next) * (x0[i] ?? 0) + next * (sample[i] ?? 0);
  }
}
