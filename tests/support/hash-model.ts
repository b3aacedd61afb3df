/**
 * A model without a network: every picture is a digest of the seed, the start and all controls so far, so a
 * lost, repeated or foreign block shows in all pictures after it.
 */

import { createHash } from "node:crypto";
import { StreamError } from "../../src/core/errors.ts";
import { as } from "../../src/core/units.ts";
import { modelCache } from "../../src/models/arena.ts";
import type {
  Beginning,
  BlockInput,
  CacheChoice,
  GeneratedBlock,
  Generation,
  Model,
  RecentHistory,
} from "../../src/models/model.ts";
import type { ModelPackage } from "../../src/models/package.ts";

/** What a test may look at and decide. */
export interface HashModel extends Model {
  /** Generations that are open. */
  readonly openGenerations: number;
  /** Called before each block; what it throws is the block's failure. */
  onBlock: (generation: HashGeneration) => void | Promise<void>;
}

/** The picture before the first one of `beginning`. */
const stateOf = ({ seed, start = "first" }: Beginning): Uint8Array => digest([seed, start]);

const digest = (parts: readonly (string | number | Uint8Array)[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part instanceof Uint8Array ? part : `${part};`);
  return new Uint8Array(hash.digest());
};

/** A model that makes pictures of `modelPackage`'s format. */
export function hashModel(modelPackage: ModelPackage): HashModel {
  const open = new Set<HashGeneration>();
  const model: HashModel = {
    modelPackage,
    provider: { name: "cpu", reason: "test" },
    cache: modelCache(modelPackage.manifest, true),
    get openGenerations() {
      return open.size;
    },
    onBlock: () => undefined,
    open: (beginning) => {
      const generation = new HashGeneration(beginning, model, () => open.delete(generation));
      open.add(generation);
      return Promise.resolve(generation);
    },
    checkPicture: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return model;
}

/** One stream of digests; its latents carry the whole state. */
class HashGeneration implements Generation {
  readonly seed: number;
  readonly #model: HashModel;
  readonly #closed: () => void;
  #state: Uint8Array;
  #choice: CacheChoice;
  #block = 0;

  constructor(beginning: Beginning, model: HashModel, closed: () => void) {
    this.seed = beginning.seed;
    this.#state = stateOf(beginning);
    this.#choice = beginning.cache;
    this.#model = model;
    this.#closed = closed;
  }

  get block(): number {
    return this.#block;
  }

  get cache() {
    const { policy, windowFrames } = this.#choice;
    return { policy, bytes: as<never>(0), slots: windowFrames, capacity: windowFrames };
  }

  get inspection() {
    return { ages: [], frames: this.#block, ratio: 1, recall: 1, error: 0 };
  }

  async next({ control, steps }: BlockInput): Promise<GeneratedBlock> {
    await this.#model.onBlock(this);
    const { width, height, framesPerBlock } = this.#model.modelPackage.manifest.lanes.video;
    if (control.length !== 4) throw new StreamError("bad_control", "four values are wanted");
    this.#state = digest([this.#state, new Uint8Array(control.slice().buffer), steps]);
    const state = this.#state;
    const pictures = Array.from({ length: framesPerBlock }, (_, frame) =>
      Uint8Array.from({ length: width * height * 3 }, (_, i) => (state[i % 32] ?? 0) + frame),
    );
    this.#block += 1;
    const timings = { encoder: as<never>(0), denoise: as<never>(0), decode: as<never>(0) };
    return { pictures, latents: Float32Array.from(state), timings };
  }

  reset(change: Beginning): Promise<void> {
    this.#state = stateOf(change);
    this.#choice = change.cache;
    return Promise.resolve();
  }

  configureCache(choice: CacheChoice): Promise<void> {
    this.#choice = choice;
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  recache({ block, frames }: RecentHistory): Promise<void> {
    const newest = frames.at(-1);
    if (newest !== undefined) this.#state = Uint8Array.from(newest.latents);
    this.#block = block;
    return Promise.resolve();
  }

  snapshot(): Promise<Uint8Array> {
    return Promise.resolve(Uint8Array.from([...this.#state, this.#block]));
  }

  restore(bytes: Uint8Array): Promise<void> {
    const block = bytes[32];
    if (block === undefined) throw new StreamError("snapshot_invalid", "this is no snapshot");
    this.#state = bytes.slice(0, 32);
    this.#block = block;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed();
    return Promise.resolve();
  }
}
