import type { CacheLayout } from "../cache/layout.ts";
import type { RollingCache } from "../cache/rolling-cache.ts";
import type { RotaryTables } from "../cache/rotary.ts";
import { type FreshTokens, HostStore, HostTokens, type KeyValueStore } from "../cache/store.ts";
import type { Buffers } from "./graph.ts";

/** Where a generation's keys and values lie, and how graphs reach them. */
export interface CacheMemory {
  readonly store: KeyValueStore;
  /** What to bind to `cache_key` and `cache_value`. */
  readonly inputs: Buffers;
  /** What to bind to `key` and `value` of a pass over `tokens` tokens, and how they enter the store. */
  pass(tokens: number): { readonly outputs: Buffers; readonly fresh: FreshTokens };
  /** Give back what the device holds for it. Nothing may be run over it afterwards. */
  release(): void;
}

/** Keys and values in this process's memory, read by graphs in place. */
export function hostMemory(layout: CacheLayout): CacheMemory {
  const store = new HostStore(layout);
  return {
    store,
    inputs: { cache_key: store.key, cache_value: store.value },
    pass: (tokens) => {
      const fresh = new HostTokens(store, tokens);
      return { outputs: { key: fresh.key, value: fresh.value }, fresh };
    },
    release: () => undefined,
  };
}

/** One kind of pass against the cache: its feeds, and where its own keys and values come out. */
export interface CachePass {
  readonly inputs: Buffers;
  readonly outputs: Buffers;
  readonly fresh: FreshTokens;
  /** Number the pass's own frames after what the cache holds now. */
  place(): void;
}

/** Buffers of a pass that brings `frames` frames of its own. */
export function cachePass(cache: RollingCache, memory: CacheMemory, frames: number): CachePass {
  const { rotaryDim, tokensPerFrame } = cache.record.layout;
  const tokens = frames * tokensPerFrame;
  const own: RotaryTables = {
    cos: new Float32Array((tokens * rotaryDim) / 2),
    sin: new Float32Array((tokens * rotaryDim) / 2),
  };
  const { bias, cos, sin } = cache.tables;
  return {
    inputs: {
      ...memory.inputs,
      cache_bias: bias,
      cache_cos: cos,
      cache_sin: sin,
      query_cos: own.cos,
      query_sin: own.sin,
    },
    ...memory.pass(tokens),
    place: () => cache.writeOwnTables(own, frames),
  };
}
