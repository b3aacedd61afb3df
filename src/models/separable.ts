import type { RollingCache } from "../cache/rolling-cache.ts";
import { type CachePass, cachePass } from "./cache-memory.ts";
import type { BoundGraph } from "./graph.ts";
import type { WorldModel, WorldModelParts } from "./world-model.ts";

/**
 * The separable topology: a causal encoder reads the newest frame and the control for the frame to come
 * against the cache, once; a small denoiser conditioned on its features runs the steps.
 */
export class SeparableModel implements WorldModel {
  readonly sample: Float32Array;
  readonly #prediction: Float32Array;
  readonly #control: Float32Array;
  readonly #sigma = new Float32Array(1);
  readonly #cache: RollingCache;
  readonly #pass: CachePass;
  readonly #encoder: BoundGraph;
  readonly #denoiser: BoundGraph;

  constructor({ manifest, graphs, cache, memory, history }: WorldModelParts) {
    const features = new Float32Array(
      (manifest.conditioning.features ?? []).reduce((n, size) => n * size, 1),
    );
    this.sample = new Float32Array(history.newest.length);
    this.#prediction = new Float32Array(history.newest.length);
    this.#control = new Float32Array(history.control.length);
    this.#cache = cache;
    this.#pass = cachePass(cache, memory, 1);
    this.#encoder = graphs("encoder").bind(
      { latent: history.newest, control: this.#control, ...this.#pass.inputs },
      { features, ...this.#pass.outputs },
    );
    this.#denoiser = graphs("denoiser").bind(
      {
        sample: this.sample,
        sigma: this.#sigma,
        features,
        ...(history.previous.length > 0 && { previous: history.previous }),
      },
      { prediction: this.#prediction },
    );
  }

  async begin(control: Float32Array): Promise<void> {
    this.#control.set(control);
    this.#pass.place();
    await this.#encoder.run();
    await this.#cache.commit(this.#pass.fresh, 1);
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
