/** What a session chooses to keep, and the policy that this stands for. */

import { StreamError } from "../core/errors.ts";
import { meanCompressor } from "./compressors.ts";
import { type Compressor, convKv, type Grouping } from "./conv-kv.ts";
import { keepAll, randomDrop, thin } from "./keeping.ts";
import type { CacheLayout } from "./layout.ts";
import { type CachePolicy, compose, type Memory, sinks, window } from "./policy.ts";
import { pool } from "./pool.ts";
import { STORAGES, type StorageName } from "./storage.ts";
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
  "state",
] as const;
type CachePolicyName = (typeof CACHE_POLICIES)[number];

/** Ways for a pass to read the cache: all of it, or what its queries may find something in. */
const ATTENTIONS = ["dense", "hashed"] as const;
type AttentionName = (typeof ATTENTIONS)[number];

/** How much of the past a cache keeps, and how. */
export interface CacheChoice {
  /**
   * `window`: sinks and the newest frames. `full`: everything, until there is no room. The others keep a memory
   * of `memorySlots` besides: merged (`tempcache`), compressed (`convkv`), of every n-th frame (`thin`), of
   * fewer tokens a frame (`pool`), or drawn at random (`random`). `state`: no slots, but a matrix a head.
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
  /** Whether passes read every slot or, of those beyond the window, what shares a bucket with a query; all when absent. */
  readonly attention?: AttentionName;
}

/** A choice with everything said that it left open. */
export type SettledChoice = Required<Omit<CacheChoice, "ablation">> & Pick<CacheChoice, "ablation">;

/** What sessions of a package may choose at the place it runs at, as data. */
export interface CacheAllowance {
  readonly framesPerBlock: number;
  readonly tokensPerFrame: number;
  /** The most frames of the window. */
  readonly windowFrames: number;
  /** The most frames that are sinks. */
  readonly sinkFrames: number;
  /** The most slots of a layer, those of sinks and window included. */
  readonly mostSlots: number;
  /** Frames that a compressor folds into one. */
  readonly groupFrames: number;
  /** Groupings that the package brings a compressor for. */
  readonly compressors: readonly Grouping[];
  /** Whether the package keeps a linear state in place of slots: there is nothing to choose then. */
  readonly isState: boolean;
  /** Whether the floats lie in the engine's own memory; elsewhere frames can only be let go. */
  readonly isHost: boolean;
  /** Whether passes can read some of the slots: graphs answer their queries, and their slots are open. */
  readonly hashes: boolean;
}

/** What a model and the place it runs at can do. */
export interface CacheBounds {
  readonly allowance: CacheAllowance;
  readonly layout: CacheLayout;
  /** The package's own compressor, where it has one. */
  readonly learned: (grouping: Grouping) => Compressor | undefined;
}

/** What a choice stands for that does not say. */
const DEFAULTS = {
  /** Where the attention error of merged keys stays below a few percent. */
  threshold: 0.9,
  match: "layer",
  grouping: "temporal",
  every: 8,
  storage: "float32",
  attention: "dense",
} as const;
const MOST_EVERY = 1000;
const POOL_SIDE = 2;
/** Windows' worth of memory a session gets that does not say how much. */
const DEFAULT_WINDOWS = 2;

/**
 * `choice` with everything said that it leaves open.
 *
 * @throws {StreamError} `bad_parameter` when the choice lies outside `allowance`.
 */
export function settle(choice: CacheChoice, allowance: CacheAllowance): SettledChoice {
  const asked = { ...DEFAULTS, ...choice };
  const isLearned = allowance.compressors.includes(asked.grouping);
  const { kernel = isLearned ? "learned" : "mean", threshold, storage, attention } = asked;
  within("windowFrames", asked.windowFrames, allowance.framesPerBlock, allowance.windowFrames);
  within("sinkFrames", asked.sinkFrames, 0, allowance.sinkFrames);
  within("every", asked.every, 1, MOST_EVERY);
  if (!(threshold >= 0 && threshold <= 1)) throw bad("threshold", "must lie between 0 and 1");
  if (!allowance.isHost && storage !== "float32") throw bad("storage", `${storage} ${NO_HOST}`);
  if (!possibleAttentions(allowance).includes(attention)) {
    throw bad(
      "attention",
      `${attention} needs a package that answers its queries, on the provider cpu`,
    );
  }
  requireKind(asked, allowance);
  const settled = { ...asked, kernel };
  if (!hasMemory(choice) || allowance.isState) return { ...settled, memorySlots: 0 };
  requirePossible(settled, allowance);
  return { ...settled, memorySlots: memorySlots(choice, allowance) };
}

const NO_HOST = "needs keys and values in memory: use the provider cpu";

/** Refuse slots of a package that keeps a state, and a state of one that keeps slots. */
function requireKind(
  { policy, storage }: Pick<SettledChoice, "policy" | "storage">,
  { isState }: CacheAllowance,
): void {
  if (isState !== (policy === "state")) {
    const has = isState ? "a state, and no slots that a policy could choose" : "slots, not a state";
    throw bad("policy", `${policy} cannot be had: this model was trained to keep ${has}`);
  }
  if (isState && storage !== "float32")
    throw bad("storage", `${storage} is for slots: a state stays float32`);
}

/** Whether a choice keeps anything of frames that left the window. */
export const hasMemory = ({ policy }: CacheChoice): boolean =>
  policy !== "window" && policy !== "full";

/** Policies that some choice inside `allowance` has. */
export const possiblePolicies = (allowance: CacheAllowance): readonly CachePolicyName[] =>
  CACHE_POLICIES.filter((policy) => {
    const least = { policy, windowFrames: allowance.framesPerBlock, sinkFrames: 0 };
    try {
      settle(least, allowance);
      return true;
    } catch {
      return false;
    }
  });

/** Storages that `allowance` has. */
export const possibleStorages = ({ isHost, isState }: CacheAllowance): readonly StorageName[] =>
  isHost && !isState ? STORAGES : ["float32"];

/** Ways to read that `allowance` has. */
export const possibleAttentions = ({ hashes }: CacheAllowance): readonly AttentionName[] =>
  hashes ? ATTENTIONS : ["dense"];

/**
 * The policy a choice stands for.
 *
 * @throws {StreamError} `bad_parameter` when the choice lies outside `bounds`.
 */
export function policyOf(choice: CacheChoice, bounds: CacheBounds): CachePolicy {
  const settled = settle(choice, bounds.allowance);
  if (settled.policy === "full") return keepAll;
  const memory = hasMemory(settled) ? memoryOf(settled, bounds) : undefined;
  return compose(sinks(settled.sinkFrames), window(settled.windowFrames, memory));
}

/** Refuse a memory that cannot be had, however little it keeps. */
function requirePossible(
  { policy, kernel, grouping }: Omit<SettledChoice, "memorySlots">,
  { isHost, tokensPerFrame, groupFrames, compressors }: CacheAllowance,
): void {
  if (!isHost) throw bad("policy", `${policy} ${NO_HOST}`);
  if (policy === "pool" && Math.sqrt(tokensPerFrame) % POOL_SIDE !== 0) {
    throw bad("policy", "pool needs frames that are even squares of tokens");
  }
  if (policy !== "convkv") return;
  if (kernel === "learned" && !compressors.includes(grouping)) {
    throw bad("kernel", `this package has no learned compressor over ${grouping} groups`);
  }
  if (grouping === "raster" && tokensPerFrame % groupFrames !== 0) {
    throw bad("grouping", "raster needs a number of tokens that groups divide");
  }
}

/** Slots of memory a choice asks for, or the default. */
function memorySlots(choice: CacheChoice, allowance: CacheAllowance): number {
  const { tokensPerFrame, mostSlots, groupFrames, windowFrames } = allowance;
  const room = mostSlots - (choice.sinkFrames + choice.windowFrames) * tokensPerFrame;
  const least = (choice.policy === "convkv" ? groupFrames : 1) * tokensPerFrame;
  if (room < least) {
    throw bad("windowFrames", `leaves no room for a memory: ${least} slots a layer at least`);
  }
  const usual = Math.max(least, DEFAULT_WINDOWS * windowFrames * tokensPerFrame);
  const slots = choice.memorySlots ?? Math.min(room, usual);
  within("memorySlots", slots, least, room);
  return slots;
}

function memoryOf(settled: SettledChoice, { layout, learned, allowance }: CacheBounds): Memory {
  const { memorySlots: slots, threshold, match, ablation, grouping, kernel, every } = settled;
  switch (settled.policy) {
    case "tempcache":
      return tempCache({ slots, threshold, match, ...(ablation !== undefined && { ablation }) });
    case "convkv": {
      const mean = () => meanCompressor(layout, grouping, allowance.groupFrames);
      return convKv(slots, (kernel === "learned" ? learned(grouping) : undefined) ?? mean());
    }
    case "thin":
      return thin(slots, every);
    case "pool":
      return pool(slots, POOL_SIDE);
    default:
      return randomDrop(slots);
  }
}

function within(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw bad(name, `is ${value}; this model takes a whole number from ${low} to ${high}`);
}

const bad = (name: string, message: string): StreamError =>
  new StreamError("bad_parameter", `cache.${name} ${message}`, {
    detail: { path: `cache.${name}` },
  });
