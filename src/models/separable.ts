import type { BoundGraph } from "./graph.ts";
import type { Pass } from "./placed-cache.ts";
import { given, onlyCache, type WorldModel, type WorldModelParts } from "./world-model.ts";

/**
 * The separable topology: a causal encoder reads the newest frame and the control for the frame to come
 * against the cache, once; a small denoiser conditioned on its features runs the steps.
 */
export class SeparableModel implements WorldModel {
  readonly commitsAtOnce = false;
  readonly sample: Float32Array;
  readonly #prediction: Float32Array;
  readonly #control: Float32Array;
  readonly #sigma = new Float32Array(1);
  readonly #encoder: Pass;
  readonly #denoiser: BoundGraph;

  constructor(parts: WorldModelParts) {
    const { manifest, graphs, history, speech } = parts;
    const features = new Float32Array(
      (manifest.conditioning.features ?? []).reduce((n, size) => n * size, 1),
    );
    this.sample = new Float32Array(history.newest.length);
    this.#prediction = new Float32Array(history.newest.length);
    this.#control = new Float32Array(history.control.length);
    this.#encoder = onlyCache(parts).pass({
      graph: graphs("encoder"),
      frames: 1,
      inputs: { latent: history.newest, control: this.#control, ...given({ speech }) },
      outputs: { features },
    });
    this.#denoiser = graphs("denoiser").bind(
      {
        sample: this.sample,
        sigma: this.#sigma,
        features,
        ...given({ previous: history.previous, reference: history.reference }),
      },
      { prediction: this.#prediction },
    );
  }

  async begin(control: Float32Array): Promise<void> {
    this.#control.set(control);
    await this.#encoder.run();
    await this.#encoder.commit(1);
  }

  async predict(sigma: number): Promise<Float32Array> {
    this.#sigma[0] = sigma;
    await this.#denoiser.run();
    return this.#prediction;
  }

  commit(nextControl: Float32Array): Promise<void> {
    return this.begin(nextControl);
  }
}
