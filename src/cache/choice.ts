/** What a session chooses to keep, and the policy that this stands for. */

import { StreamError } from "../core/errors.ts";
import { meanCompressor } from "./compressors.ts";
import { type Compressor, convKv, type Grouping } from "./conv-kv.ts";
import { keepAll, randomDrop, thin } from "./keeping.ts";
import type { CacheLayout } from "./layout.ts";
import { type CachePolicy, compose, type Memory, sinks, window } from "./policy.ts";
import { pool } from "./pool.ts";
import type { StorageName } from "./storage.ts";
import { type Ablation, tempCache } from "./temp-cache.ts";

/** Names of the policies: what becomes of frames that leave the window. */
export const CACHE_POLICIES = [
  "window",
  "full",
  "tempcache",
  "convkv",
  "thin",
  "pool",
  "random",
] as const;
type CachePolicyName = (typeof CACHE_POLICIES)[number];

/** How much of the past a cache keeps, and how. */
export interface CacheChoice {
  /**
   * `window`: sinks and the newest frames. `full`: everything, until there is no room. The others keep a memory
   * of `memorySlots` besides: merged (`tempcache`), compressed (`convkv`), of every n-th frame (`thin`), of
   * fewer tokens a frame (`pool`), or drawn at random (`random`).
   */
  readonly policy: CachePolicyName;
  /** Frames the window keeps, sinks not counted; at least one block's. */
  readonly windowFrames: number;
  /** The first frames, which are never evicted. */
  readonly sinkFrames: number;
  /** Slots of memory in each layer; as many as fit, up to a few windows, when absent. */
  readonly memorySlots?: number;
  /** `tempcache`: cosine of keys above which tokens are one. */
  readonly threshold?: number;
  /** `tempcache`: over all heads as one, or every head. */
  readonly match?: "layer" | "head";
  /** `tempcache`: a part to leave out. */
  readonly ablation?: Ablation;
  /** `convkv`: a mean, or the package's own compressor. */
  readonly kernel?: "mean" | "learned";
  /** `convkv`: fold tokens of one place over frames, or neighbours in a frame. */
  readonly grouping?: Grouping;
  /** `thin`: one frame of how many stays. */
  readonly every?: number;
  /** How vectors are kept between passes; as floats when absent. */
  readonly storage?: StorageName;
}

/** What a model and the place it runs at can do. */
export interface CacheBounds {
  readonly framesPerBlock: number;
  readonly layout: CacheLayout;
  /** Whether the floats lie in this process. */
  readonly isHost: boolean;
  /** Frames that a compressor folds into one. */
  readonly groupFrames: number;
  /** The package's own compressor, where it has one. */
  readonly learned: (grouping: Grouping) => Compressor | undefined;
}

/** Cosine above which keys are taken for one: where their attention error stays below a few percent. */
const DEFAULT_THRESHOLD = 0.9;
const DEFAULT_EVERY = 8;
const POOL_SIDE = 2;
/** Windows' worth of memory a session gets that does not say how much. */
const DEFAULT_WINDOWS = 2;

/**
 * The policy a choice stands for.
 *
 * @throws {StreamError} `bad_parameter` when the choice lies outside `bounds`.
 */
export function policyOf(choice: CacheChoice, bounds: CacheBounds): CachePolicy {
  const { layout } = bounds;
  within("windowFrames", choice.windowFrames, bounds.framesPerBlock, layout.windowFrames);
  within("sinkFrames", choice.sinkFrames, 0, layout.sinkFrames);
  if (!bounds.isHost && (choice.storage ?? "float32") !== "float32") {
    throw bad("storage", `${choice.storage} needs keys and values in memory: use the provider cpu`);
  }
  if (choice.policy === "full") return keepAll;
  if (choice.policy === "window") {
    return compose(sinks(choice.sinkFrames), window(choice.windowFrames));
  }
  if (!bounds.isHost) {
    throw bad("policy", `${choice.policy} needs keys and values in memory: use the provider cpu`);
  }
  return compose(
    sinks(choice.sinkFrames),
    window(choice.windowFrames, memoryOf(choice, bounds, memorySlots(choice, bounds))),
  );
}

/** Slots of memory a choice asks for, or the default. */
function memorySlots(choice: CacheChoice, { layout, groupFrames }: CacheBounds): number {
  const { tokensPerFrame } = layout;
  const room = layout.slots.most - (choice.sinkFrames + choice.windowFrames) * tokensPerFrame;
  const least = (choice.policy === "convkv" ? groupFrames : 1) * tokensPerFrame;
  if (room < least) {
    throw bad("windowFrames", `leaves no room for a memory: ${least} slots a layer at least`);
  }
  const usual = Math.max(least, DEFAULT_WINDOWS * layout.windowFrames * tokensPerFrame);
  const slots = choice.memorySlots ?? Math.min(room, usual);
  within("memorySlots", slots, least, room);
  return slots;
}

function memoryOf(choice: CacheChoice, bounds: CacheBounds, slots: number): Memory {
  switch (choice.policy) {
    case "tempcache": {
      const { threshold = DEFAULT_THRESHOLD, match = "layer" } = choice;
      if (!(threshold >= 0 && threshold <= 1)) throw bad("threshold", "must lie between 0 and 1");
      const { ablation } = choice;
      return tempCache({ slots, threshold, match, ...(ablation !== undefined && { ablation }) });
    }
    case "convkv":
      return convKv(slots, compressorOf(choice, bounds));
    case "thin": {
      const { every = DEFAULT_EVERY } = choice;
      within("every", every, 1, 1000);
      return thin(slots, every);
    }
    case "pool":
      if (Math.sqrt(bounds.layout.tokensPerFrame) % POOL_SIDE !== 0) {
        throw bad("policy", "pool needs frames that are even squares of tokens");
      }
      return pool(slots, POOL_SIDE);
    default:
      return randomDrop(slots);
  }
}

function compressorOf(choice: CacheChoice, bounds: CacheBounds): Compressor {
  const { grouping = "temporal" } = choice;
  const learned = bounds.learned(grouping);
  const { kernel = learned === undefined ? "mean" : "learned" } = choice;
  if (kernel === "learned") {
    if (learned === undefined) {
      throw bad("kernel", `this package has no learned compressor over ${grouping} groups`);
    }
    return learned;
  }
  if (grouping === "raster" && bounds.layout.tokensPerFrame % bounds.groupFrames !== 0) {
    throw bad("grouping", "raster needs a number of tokens that groups divide");
  }
  return meanCompressor(bounds.layout, grouping, bounds.groupFrames);
}

function within(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw bad(name, `is ${value}; this model takes a whole number from ${low} to ${high}`);
}

const bad = (name: string, message: string): StreamError =>
  new StreamError("bad_parameter", `cache.${name} ${message}`, {
    detail: { path: `cache.${name}` },
  });
