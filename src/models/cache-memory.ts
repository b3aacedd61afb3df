import type { GatheredSlots } from "../cache/gathered-slots.ts";
import { type CacheLayout, floatsPerSlot } from "../cache/layout.ts";
import type { RollingCache } from "../cache/rolling-cache.ts";
import type { RotaryTables } from "../cache/rotary.ts";
import type { SlotTables } from "../cache/slot-tables.ts";
import {
  FloatPool,
  type FreshTokens,
  HostStore,
  HostTokens,
  type KeyValueStore,
} from "../cache/store.ts";
import type { BoundGraph, Buffers } from "./graph.ts";
import type { Pass, PassParts } from "./placed-cache.ts";

/** Where a generation's keys and values lie, and how graphs reach them. */
export interface CacheMemory {
  readonly store: KeyValueStore;
  /** What to bind to `cache_key` and `cache_value`, for as long as the cache keeps its tables. */
  readonly inputs: Buffers;
  /** What a pass over `tokens` tokens answers into. */
  pass(tokens: number): PassOutputs;
  /** Give back what the device holds for it. Nothing may be run over it afterwards. */
  release(): void;
}

/** Where a pass's own tokens come out. */
export interface PassOutputs {
  /** What to bind to `key`, `value` and, where graphs answer it, `query`. */
  readonly outputs: Buffers;
  /** How keys and values enter the store. */
  readonly fresh: FreshTokens;
  /** [layers, heads, tokens, headDim]; absent where none come out here. */
  readonly queries?: Float32Array;
}

/** Keys and values in this process's memory, read by graphs in place; `pool` is what a model's sessions share. */
export function hostMemory(layout: CacheLayout, pool = new FloatPool()): CacheMemory {
  const store = new HostStore(layout, layout.slots.least, pool);
  return {
    store,
    get inputs() {
      return { cache_key: store.key, cache_value: store.value };
    },
    pass: (tokens) => {
      const fresh = new HostTokens(store, tokens);
      const own = { key: fresh.key, value: fresh.value };
      if (!layout.hasQueries) return { outputs: own, fresh };
      const queries = new Float32Array(tokens * floatsPerSlot(layout));
      return { outputs: { ...own, query: queries }, fresh, queries };
    },
    release: () => store.release(),
  };
}

/** A pass over slots, and the cache that they are of. */
export interface CachePassParts extends PassParts {
  readonly cache: RollingCache;
  readonly memory: CacheMemory;
}

/**
 * One kind of pass against the cache: a graph, and where its own keys and values come out.
 *
 * The graph is bound once to each set of arrays that slots are read from: the cache's own, or those they were gathered in.
 */
export class CachePass implements Pass {
  readonly fresh: FreshTokens;
  readonly #parts: CachePassParts;
  readonly #own: RotaryTables;
  readonly #outputs: Buffers;
  readonly #queries: Float32Array | undefined;
  readonly #bound = new WeakMap<SlotTables, BoundGraph>();

  constructor(parts: CachePassParts) {
    const { tokensPerFrame, position } = parts.cache.layout;
    const tokens = parts.frames * tokensPerFrame;
    const floats = (tokens * position.rotaryDim) / 2;
    const { outputs, fresh, queries } = parts.memory.pass(tokens);
    this.#parts = parts;
    this.#own = { cos: new Float32Array(floats), sin: new Float32Array(floats) };
    this.#outputs = outputs;
    this.#queries = queries;
    this.fresh = fresh;
  }

  /** Run the graph over what the cache holds now, or the part that it has to read. @throws {StreamError} `inference_failed`. */
  async run(): Promise<void> {
    const { cache, memory, frames } = this.#parts;
    const { attention } = cache;
    memory.store.prepare();
    cache.writeOwnTables(this.#own, frames);
    await this.#graph(attention?.gather()).run();
    if (this.#queries !== undefined) attention?.hear(this.#queries, frames);
  }

  async commit(frames: number): Promise<void> {
    await this.#parts.cache.commit(this.fresh, frames);
  }

  #graph(gathered: GatheredSlots | undefined): BoundGraph {
    const tables = gathered ?? this.#parts.cache.tables;
    const bound = this.#bound.get(tables) ?? this.#bind(tables, gathered);
    this.#bound.set(tables, bound);
    return bound;
  }

  #bind({ bias, cos, sin }: SlotTables, gathered: GatheredSlots | undefined): BoundGraph {
    const { graph, memory, inputs, outputs } = this.#parts;
    const slots =
      gathered === undefined
        ? memory.inputs
        : { cache_key: gathered.key, cache_value: gathered.value };
    return graph.bind(
      {
        ...inputs,
        ...slots,
        cache_bias: bias,
        cache_cos: cos,
        cache_sin: sin,
        query_cos: this.#own.cos,
        query_sin: this.#own.sin,
      },
      { ...outputs, ...this.#outputs },
    );
  }
}
