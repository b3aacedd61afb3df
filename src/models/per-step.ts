import { drawNormals } from "../core/noise.ts";
import { fillRows, type History } from "./history.ts";
import type { Pass, PlacedCache } from "./placed-cache.ts";
import { renoise } from "./solver.ts";
import { given, type WorldModel, type WorldModelParts } from "./world-model.ts";

/** Noise lane of blocks that are committed without having been made: the start, and recached ones. */
const COMMIT_LANE = 2;

/** One step's pass, and the cache that only this step reads and writes. */
interface Step {
  readonly sigma: number;
  readonly cache: PlacedCache;
  readonly pass: Pass;
}

/**
 * The entangled topology with one cache for each step and no commit pass: a step attends to what the same step of
 * earlier blocks saw, at its own noise level.
 *
 * Source: Neighbor Forcing, SoulX-LiveAct (arXiv:2603.11746). A block that was not made here has no noisy past of
 * its own: it is noised anew, each level from noise of its own, and passed once a step.
 */
export class PerStepModel implements WorldModel {
  readonly commitsAtOnce = true;
  readonly sample: Float32Array;
  readonly #history: History;
  readonly #seed: () => number;
  readonly #frames: number;
  readonly #control: Float32Array;
  readonly #sigma: Float32Array;
  readonly #speech: Float32Array;
  readonly #prediction: Float32Array;
  /** What the block to come hears. */
  readonly #upcoming: Float32Array;
  readonly #steps: readonly Step[];

  constructor({ manifest, graphs, caches, history, speech, seed }: WorldModelParts) {
    const { framesPerBlock } = manifest.lanes.video;
    const { sigmas, defaultSteps } = manifest.schedule;
    this.#history = history;
    this.#seed = seed;
    this.#frames = framesPerBlock;
    this.sample = new Float32Array(history.newest.length);
    this.#prediction = new Float32Array(history.newest.length);
    this.#control = new Float32Array(history.control.length);
    this.#sigma = new Float32Array(framesPerBlock);
    this.#speech = new Float32Array(speech.length);
    this.#upcoming = speech;
    const conditions = given({ speech: this.#speech, reference: history.reference });
    this.#steps = caches.map((cache, step) => ({
      sigma: sigmas[String(defaultSteps)]?.[step] ?? 0,
      cache,
      pass: cache.pass({
        graph: graphs("denoiser"),
        frames: framesPerBlock,
        inputs: {
          sample: this.sample,
          sigma: this.#sigma,
          control: this.#control,
          ...conditions,
        },
        outputs: { prediction: this.#prediction },
      }),
    }));
  }

  async begin(control: Float32Array): Promise<void> {
    if (!this.#history.isCommitted) await this.commit();
    fillRows(this.#control, control);
    this.#speech.set(this.#upcoming);
  }

  async predict(sigma: number, step: number): Promise<Float32Array> {
    const own = this.#steps[step];
    if (own === undefined) throw new TypeError(`there is no cache for step ${step}`);
    await this.#run(own, sigma);
    return this.#prediction;
  }

  async commit(): Promise<void> {
    this.#control.set(this.#history.control);
    this.#speech.set(this.#history.speech);
    for (const [index, step] of this.#steps.entries()) {
      const block = step.cache.committed / this.#frames;
      drawNormals(this.sample, { seed: this.#seed(), block, step: index, lane: COMMIT_LANE });
      renoise(this.sample, this.#history.newest, step.sigma);
      await this.#run(step, step.sigma);
    }
    this.#history.isCommitted = true;
  }

  async #run({ pass }: Step, sigma: number): Promise<void> {
    this.#sigma.fill(sigma);
    await pass.run();
    await pass.commit(this.#frames);
  }
}
