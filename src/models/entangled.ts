import { fillRows, type History } from "./history.ts";
import type { Pass } from "./placed-cache.ts";
import { given, onlyCache, type WorldModel, type WorldModelParts } from "./world-model.ts";

/** One pass of the causal transformer over the frames of one block. */
interface BlockPass {
  readonly sigma: Float32Array;
  readonly prediction: Float32Array;
  readonly pass: Pass;
}

/** Inputs of a pass that are not the cache's. */
interface PassInputs {
  readonly sample: Float32Array;
  readonly control: Float32Array;
  readonly previous: Float32Array;
  readonly speech: Float32Array;
}

const passOf = (parts: WorldModelParts, { sample, control, ...rest }: PassInputs): BlockPass => {
  const { framesPerBlock } = parts.manifest.lanes.video;
  const sigma = new Float32Array(framesPerBlock);
  const prediction = new Float32Array(sample.length);
  const { reference } = parts.history;
  const pass = onlyCache(parts).pass({
    graph: parts.graphs("denoiser"),
    frames: framesPerBlock,
    inputs: { sample, sigma, control, ...given({ ...rest, reference }) },
    outputs: { prediction },
  });
  return { sigma, prediction, pass };
};

/** Run a pass with every frame at noise level `sigma`. */
async function runPass({ sigma: levels, pass }: BlockPass, sigma: number): Promise<void> {
  levels.fill(sigma);
  await pass.run();
}

/**
 * The pass that commits the newest clean block alone, with the `previous` that its steps had.
 *
 * Both commit strategies have it: a clean block never sees the block after it, so a fused pass commits the
 * same keys and values.
 */
class CommitPass {
  readonly #pass: BlockPass;
  readonly #parts: WorldModelParts;

  constructor(parts: WorldModelParts) {
    const { newest, control, before, speech } = parts.history;
    this.#parts = parts;
    this.#pass = passOf(parts, { sample: newest, control, previous: before, speech });
  }

  async run(): Promise<void> {
    const { manifest } = this.#parts;
    await runPass(this.#pass, manifest.commit.sigma);
    await this.#pass.pass.commit(manifest.lanes.video.framesPerBlock);
  }
}

/** The entangled topology with a commit pass of its own: the newest block is committed before the next begins. */
export class SeparateCommitModel implements WorldModel {
  readonly commitsAtOnce = false;
  readonly sample: Float32Array;
  readonly #control: Float32Array;
  readonly #commit: CommitPass;
  readonly #step: BlockPass;

  constructor(parts: WorldModelParts) {
    const { newest, control, previous } = parts.history;
    this.sample = new Float32Array(newest.length);
    this.#control = new Float32Array(control.length);
    this.#commit = new CommitPass(parts);
    this.#step = passOf(parts, {
      sample: this.sample,
      control: this.#control,
      previous,
      speech: parts.speech,
    });
  }

  async begin(control: Float32Array): Promise<void> {
    await this.#commit.run();
    fillRows(this.#control, control);
  }

  async predict(sigma: number): Promise<Float32Array> {
    await runPass(this.#step, sigma);
    return this.#step.prediction;
  }

  commit(): Promise<void> {
    return this.#commit.run();
  }
}

/** The entangled topology with fused commits: the newest block is committed by the next block's first step. */
export class FusedCommitModel implements WorldModel {
  readonly commitsAtOnce = false;
  readonly sample: Float32Array;
  readonly #history: History;
  readonly #frames: number;
  readonly #commitSigma: number;
  readonly #commit: CommitPass;
  readonly #step: BlockPass;
  readonly #fused: FusedPass;
  readonly #speech: Float32Array;

  constructor(parts: WorldModelParts) {
    this.#history = parts.history;
    this.#frames = parts.manifest.lanes.video.framesPerBlock;
    this.#commitSigma = parts.manifest.commit.sigma;
    this.#fused = fusedPass(parts);
    this.sample = this.#fused.noisy.sample;
    this.#commit = new CommitPass(parts);
    this.#step = passOf(parts, {
      sample: this.sample,
      control: this.#fused.noisy.control,
      previous: parts.history.previous,
      speech: this.#fused.noisy.speech,
    });
    this.#speech = parts.speech;
  }

  begin(control: Float32Array): Promise<void> {
    fillRows(this.#fused.noisy.control, control);
    this.#fused.noisy.speech.set(this.#speech);
    return Promise.resolve();
  }

  async predict(sigma: number, step: number): Promise<Float32Array> {
    if (step === 0) return await this.#firstStep(sigma);
    await runPass(this.#step, sigma);
    return this.#step.prediction;
  }

  commit(): Promise<void> {
    return this.#commit.run();
  }

  async #firstStep(sigma: number): Promise<Float32Array> {
    const { clean, noisy, pass } = this.#fused;
    clean.sample.set(this.#history.newest);
    clean.control.set(this.#history.control);
    clean.speech.set(this.#history.speech);
    clean.sigma.fill(this.#commitSigma);
    noisy.sigma.fill(sigma);
    await pass.run();
    await pass.commit(this.#frames);
    return noisy.prediction;
  }
}

/** Buffers of one half of a fused pass. */
interface FusedHalf {
  readonly sample: Float32Array;
  readonly sigma: Float32Array;
  readonly control: Float32Array;
  readonly speech: Float32Array;
  readonly prediction: Float32Array;
}

/** The fused pass: a clean block and the noisy one after it, in that order. */
interface FusedPass {
  readonly clean: FusedHalf;
  readonly noisy: FusedHalf;
  readonly pass: Pass;
}

function fusedPass(parts: WorldModelParts): FusedPass {
  const { manifest, graphs, history } = parts;
  const frames = manifest.lanes.video.framesPerBlock;
  const both: FusedHalf = {
    sample: new Float32Array(2 * history.newest.length),
    sigma: new Float32Array(2 * frames),
    control: new Float32Array(2 * history.control.length),
    speech: new Float32Array(2 * history.speech.length),
    prediction: new Float32Array(2 * history.newest.length),
  };
  const { prediction, speech, ...inputs } = both;
  const pass = onlyCache(parts).pass({
    graph: graphs("denoiserFused"),
    frames: 2 * frames,
    inputs: { ...inputs, ...given({ speech, reference: history.reference }) },
    outputs: { prediction },
  });
  return { clean: halfOf(both, 0), noisy: halfOf(both, 1), pass };
}

function halfOf(both: FusedHalf, half: 0 | 1): FusedHalf {
  const cut = (array: Float32Array): Float32Array =>
    array.subarray((half * array.length) / 2, ((half + 1) * array.length) / 2);
  return {
    sample: cut(both.sample),
    sigma: cut(both.sigma),
    control: cut(both.control),
    speech: cut(both.speech),
    prediction: cut(both.prediction),
  };
}
