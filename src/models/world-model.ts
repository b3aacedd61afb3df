import type { Buffers, Graph } from "./graph.ts";
import type { History } from "./history.ts";
import type { GraphRole, Manifest } from "./manifest.ts";
import type { PlacedCache } from "./placed-cache.ts";
import type { BlockDenoiser } from "./sampler.ts";

/**
 * One topology with its commit strategy, around one cache and one history.
 *
 * A block's life: `begin`, then `predict` for each step. The newest block of the history is committed on the
 * way, in `begin` or in the first step as the strategy has it; later steps only read the cache. With a cache for each
 * step, each step commits to its own.
 */
export interface WorldModel extends BlockDenoiser {
  /** Whether a block is in the cache as soon as it is made; else the next one commits it. */
  readonly commitsAtOnce: boolean;
  /** Put in place what the next block, made under `control` [controls] and the speech to come, is conditioned on. */
  begin(control: Float32Array): Promise<void>;
  /**
   * Commit the newest block alone; the block after it was made under `nextControl` and the speech to come. For
   * rebuilding a cache.
   */
  commit(nextControl: Float32Array): Promise<void>;
}

/** What a world model is built on. */
export interface WorldModelParts {
  readonly manifest: Manifest;
  readonly graphs: GraphSet;
  /** One, or one for each step. */
  readonly caches: readonly PlacedCache[];
  readonly history: History;
  /** What the block to come hears, [F, features]; of length 0 without a speech lane. In place before `begin`. */
  readonly speech: Float32Array;
  /** The generation's seed at the moment. */
  readonly seed: () => number;
}

/** The cache of a model that has one. */
export function onlyCache({ caches }: WorldModelParts): PlacedCache {
  const [only] = caches;
  if (only === undefined) throw new TypeError("a world model needs a cache");
  return only;
}

/** What a pass is conditioned on besides its sample and controls; an empty one is an input the graph does not have. */
export const given = (conditions: Readonly<Record<string, Float32Array>>): Buffers =>
  Object.fromEntries(Object.entries(conditions).filter(([, { length }]) => length > 0));

/** A package's graphs by role. */
export type GraphSet = (role: GraphRole) => Graph;
