import type { RollingCache } from "../cache/rolling-cache.ts";
import type { CacheMemory } from "./cache-memory.ts";
import type { Graph } from "./graph.ts";
import type { History } from "./history.ts";
import type { GraphRole, Manifest } from "./manifest.ts";
import type { BlockDenoiser } from "./sampler.ts";

/**
 * One topology with its commit strategy, around one cache and one history.
 *
 * A block's life: `begin`, then `predict` for each step. The newest block of the history is committed on the
 * way, in `begin` or in the first step as the strategy has it; later steps only read the cache.
 */
export interface WorldModel extends BlockDenoiser {
  /** Put in place what the next block, made under `control` [controls], is conditioned on. */
  begin(control: Float32Array): Promise<void>;
  /** Commit the newest block alone; the block after it was made under `nextControl`. For rebuilding a cache. */
  commit(nextControl: Float32Array): Promise<void>;
}

/** What a world model is built on. */
export interface WorldModelParts {
  readonly manifest: Manifest;
  readonly graphs: GraphSet;
  readonly cache: RollingCache;
  readonly memory: CacheMemory;
  readonly history: History;
}

/** A package's graphs by role. */
export type GraphSet = (role: GraphRole) => Graph;
