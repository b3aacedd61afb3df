/** What the engine sees of a loaded model: endless generations of blocks. */

import type { CacheAllowance, CacheChoice } from "../cache/choice.ts";
import type { CacheInspection } from "../cache/inspection.ts";
import type { CacheReport } from "../cache/report.ts";
import type { Millis } from "../core/units.ts";
import type { ModelPackage } from "./package.ts";
import type { BlockSpeech } from "./speech.ts";

/** Where graphs run; `auto` picks and says why. */
type ProviderName = "auto" | "cpu" | "webgpu" | "cuda";

/** How to run a package's graphs. */
export interface ModelOptions {
  readonly provider: ProviderName;
  /** Threads of one graph's run; the package's advice when absent. */
  readonly intraOpThreads?: number;
  /** Let waiting threads spin instead of sleep: quicker alone, slower beside an encoder. Off when absent. */
  readonly spinning?: boolean;
}

/** Where graphs run, and why there. */
export interface Provider {
  readonly name: string;
  readonly reason: string;
}

/** What sessions may choose of their caches, and what they begin with. */
export interface ModelCache {
  readonly allowance: CacheAllowance;
  /** The package's own choice, as far as it can be had here. */
  readonly initial: CacheChoice;
}

/** Milliseconds of one block by part; the pass that commits the block before it counts as `encoder`. */
interface BlockTimings {
  readonly encoder: Millis;
  readonly denoise: Millis;
  readonly decode: Millis;
}

/** One finished block. */
export interface GeneratedBlock {
  /** One per frame, [height, width, 3], uint8. Lifetime: until the next call on the same generation. */
  readonly pictures: readonly Uint8Array[];
  /** Clean latents, [frames, C, H, W], float32. Owns: the receiver's. */
  readonly latents: Float32Array;
  /**
   * What is heard with the pictures, [F · samplesPerFrame], float32, at the speech lane's rate; absent without one.
   * Owns: the receiver's.
   */
  readonly voice?: Float32Array;
  readonly timings: BlockTimings;
}

/** What the next block is made under. */
export interface BlockInput {
  /** [controls], float32; constant inside the block. */
  readonly control: Float32Array;
  /** One of the schedule's step counts. */
  readonly steps: number;
  /** What comes in while the block lasts; silence when absent. */
  readonly speech?: BlockSpeech;
  /** Latents, [frames, C, H, W], to go on from in place of those made: what really came next, for scoring. */
  readonly goOnFrom?: Float32Array;
}

/** What a generation begins from. */
export interface Beginning {
  /** A whole number in [0, 2^53). */
  readonly seed: number;
  /** A start of the package; its first one when absent. */
  readonly start?: string;
  /** A picture to begin from instead, [height, width, 3], uint8. */
  readonly picture?: Uint8Array;
  readonly cache: CacheChoice;
}

/** One block of a generation's recent past. */
export interface PastBlock {
  /** [frames, C, H, W], float32. */
  readonly latents: Float32Array;
  /** The control it was made under, [controls], float32. */
  readonly control: Float32Array;
  /** What came in while it lasted; silence when absent. */
  readonly speech?: BlockSpeech;
}

/** What came in during one block of the past; silence when undefined. */
export type PastSpeech = BlockSpeech | undefined;

/** What a cache is rebuilt from. */
export interface RecentHistory {
  /** Index of the block that comes next. */
  readonly block: number;
  /** Oldest first. */
  readonly frames: readonly PastBlock[];
  /**
   * The blocks follow what the generation holds already: its start, or what was restored. A past without
   * gaps is then rebuilt exactly. Otherwise the oldest block, of at least one, stands for the beginning.
   */
  readonly continues?: boolean;
  /** What came in in the blocks before them, oldest first, where the generation does not know: it began again since. */
  readonly heard?: readonly PastSpeech[];
}

/**
 * One endless stream of blocks.
 *
 * Lifetime: until `close`. Not reentrant: one call at a time. After a call failed with `inference_failed`
 * only `reset`, `recache`, `restore` and `close` are of use.
 */
export interface Generation {
  /** Index of the block `next` makes; noise is drawn by (seed, block, step, lane). */
  readonly block: number;
  readonly cache: CacheReport;
  /** What the cache holds, slot by slot in sums; walks through all of them. */
  readonly inspection: CacheInspection;
  /**
   * Make the next block.
   *
   * @throws {StreamError} `bad_control` for a vector of another length, `bad_parameter` for a step count the
   *   schedule lacks, `cache_overflow` when the policy `full` has no slot left, `inference_failed`.
   */
  next(input: BlockInput): Promise<GeneratedBlock>;
  /**
   * Begin again from a picture; the block index goes on, and what is being said is not cut off.
   *
   * @throws {StreamError} `unknown_start`, `bad_parameter`.
   */
  reset(change: Beginning): Promise<void>;
  /**
   * Change what the cache keeps without forgetting more than it must.
   *
   * @throws {StreamError} `bad_parameter`; nothing is changed then.
   */
  configureCache(choice: CacheChoice): Promise<void>;
  /** Empty the cache, but for the sinks if they are to stay; the newest block and the block index go on. */
  forget(what: { readonly keepSinks: boolean }): Promise<void>;
  /**
   * Rebuild the cache from recent clean latents.
   *
   * @throws {StreamError} `bad_parameter` for wrong lengths or a history that has no beginning.
   */
  recache(history: RecentHistory): Promise<void>;
  /** Self-contained: restored in any generation of the same package, the stream continues bit for bit. */
  snapshot(): Promise<Uint8Array>;
  /** @throws {StreamError} `snapshot_invalid`; nothing is changed then. */
  restore(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A package with its graphs open. Lifetime: until `close`, after every generation's. */
export interface Model {
  readonly modelPackage: ModelPackage;
  readonly provider: Provider;
  readonly cache: ModelCache;
  /** @throws {StreamError} `unknown_start`, `bad_parameter`. */
  open(beginning: Beginning): Promise<Generation>;
  /**
   * Whether sessions may begin from `rgb` [height, width, 3], uint8: by the package's face check, if it has one.
   *
   * @throws {StreamError} `no_face`, `bad_parameter` for another size, `inference_failed`.
   */
  checkPicture(rgb: Uint8Array): Promise<void>;
  close(): Promise<void>;
}
