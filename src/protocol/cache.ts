/** The cache's part of the vocabulary: what may be chosen of it live, and what it is told to hold. */

import { z } from "zod";

/**
 * What a cache keeps, and how. The console renders its form from this schema; `for` names the policies that a
 * setting has a meaning for.
 */
export const cacheSettings = z.strictObject({
  policy: z
    .enum(["window", "full", "tempcache", "convkv", "thin", "pool", "random", "state"])
    .meta({
      title: "Policy",
      description: "What becomes of frames that leave the window.",
      applies: "next block",
    }),
  window_frames: z.number().int().min(1).max(4096).meta({
    title: "Window",
    description: "The newest frames, kept as they came.",
    unit: "frames",
    applies: "next block",
  }),
  sink_frames: z.number().int().min(0).max(64).meta({
    title: "Sinks",
    description: "The first frames, which never leave.",
    unit: "frames",
    applies: "reset",
  }),
  memory_slots: z
    .number()
    .int()
    .min(1)
    .max(2 ** 20)
    .meta({
      title: "Memory size",
      description: "Slots of each layer for what left the window.",
      unit: "slots",
      applies: "next block",
      for: ["tempcache", "convkv", "thin", "pool", "random"],
    }),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .meta({
      title: "Merge threshold",
      step: 0.01,
      description: "Tokens whose keys are at least this alike become one.",
      applies: "next block",
      for: ["tempcache"],
    }),
  match: z.enum(["layer", "head"]).meta({
    title: "Match",
    description: "Compare keys over all heads as one, or every head.",
    applies: "next block",
    for: ["tempcache"],
  }),
  kernel: z.enum(["mean", "learned"]).meta({
    title: "Kernel",
    description: "Fold groups by their mean, or by the model's own compressor.",
    applies: "next block",
    for: ["convkv"],
  }),
  grouping: z.enum(["temporal", "raster"]).meta({
    title: "Grouping",
    description: "Fold one place over frames, or neighbours in a frame.",
    applies: "next block",
    for: ["convkv"],
  }),
  every: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .meta({
      title: "One frame of",
      description: "Of how many frames one stays.",
      unit: "frames",
      applies: "next block",
      for: ["thin"],
    }),
  storage: z.enum(["float32", "float16", "int8", "int4"]).meta({
    title: "Storage",
    description: "How numbers are kept between blocks.",
    applies: "next block",
  }),
  attention: z.enum(["dense", "hashed"]).meta({
    title: "Attention",
    description: "Read all that is kept, or beyond the window what may matter now.",
    applies: "next block",
  }),
});

/** What a cache keeps, and how; `memory_slots` is 0 without a memory. */
export type CacheSettings = z.output<typeof cacheSettings>;
/** A change of some of it. */
export type CacheSettingsChange = {
  readonly [K in keyof CacheSettings]?: CacheSettings[K] | undefined;
};
/** Names of the policies. */
export type CachePolicyName = CacheSettings["policy"];
/** Names of the storages. */
export type CacheStorageName = CacheSettings["storage"];

/** What may be chosen of a model's cache, and what its sessions begin with. */
export interface CacheSummary {
  /** The most frames of the window, and of the sinks. */
  readonly window_frames: number;
  readonly sink_frames: number;
  readonly tokens_per_frame: number;
  /** The most slots of a layer, those of sinks and window included. */
  readonly most_slots: number;
  /** Whether that is more than sinks and window take: the cache can be larger than its window. */
  readonly open_slots: boolean;
  /** Frames that a compressor folds into one. */
  readonly group_frames: number;
  /** Groupings that the model brings a compressor for. */
  readonly compressors: readonly CacheSettings["grouping"][];
  /** What can be had; where keys and values lie on a device, no memory can. */
  readonly policies: readonly CachePolicyName[];
  readonly storages: readonly CacheStorageName[];
  readonly attentions: readonly CacheSettings["attention"][];
  readonly initial: CacheSettings;
}

/** What a cache holds, cheap enough to tell after every block. */
export interface CacheReportMessage {
  /** For people: the parts of the policy with their sizes. */
  readonly policy: string;
  readonly bytes: number;
  /** Slots in use in a layer, and how many there are. */
  readonly slots: number;
  readonly capacity: number;
}

/** Slots of a layer that are at most `age` frames old, and older than the band before: how many of each kind. */
export interface CacheAge {
  readonly age: number;
  readonly sink: number;
  /** In the window, as they came. */
  readonly raw: number;
  /** In the memory, as they came. */
  readonly kept: number;
  readonly merged: number;
  readonly compressed: number;
}

/** The answer to `cache.inspect`. */
export interface CacheStats {
  readonly type: "cache.stats";
  readonly event_id?: string;
  readonly policy: CachePolicyName;
  readonly storage: CacheStorageName;
  readonly bytes: number;
  readonly slots: number;
  readonly capacity: number;
  /** Frames committed since the beginning. */
  readonly frames: number;
  /** Tokens that a slot stands for, on average. */
  readonly ratio: number;
  /** Share of all tokens there ever were that some slot stands for. */
  readonly recall: number;
  /** How far values lie from the slots that stand for them, relative. */
  readonly error: number;
  /** Bands that double. */
  readonly ages: readonly CacheAge[];
}

/** What became of the cache, to everybody who is there. */
export type CacheEvent =
  | {
      readonly type: "cache.configured";
      readonly event_ids: readonly string[];
      /** The first block made under it. */
      readonly block: number;
      readonly pts: number;
      /** All that is in force. */
      readonly cache: CacheSettings;
      readonly report: CacheReportMessage;
    }
  | {
      readonly type: "cache.reset";
      readonly event_ids: readonly string[];
      readonly block: number;
      readonly pts: number;
      readonly keep_sinks: boolean;
      readonly report: CacheReportMessage;
    };
