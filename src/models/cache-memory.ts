import type { CacheLayout } from "../cache/layout.ts";
import type { RollingCache } from "../cache/rolling-cache.ts";
import type { RotaryTables } from "../cache/rotary.ts";
import {
  FloatPool,
  type FreshTokens,
  HostStore,
  HostTokens,
  type KeyValueStore,
} from "../cache/store.ts";
import type { BoundGraph, Buffers, Graph } from "./graph.ts";

/** Where a generation's keys and values lie, and how graphs reach them. */
export interface CacheMemory {
  readonly store: KeyValueStore;
  /** What to bind to `cache_key` and `cache_value`, for as long as the cache keeps its revision. */
  readonly inputs: Buffers;
  /** What to bind to `key` and `value` of a pass over `tokens` tokens, and how they enter the store. */
  pass(tokens: number): { readonly outputs: Buffers; readonly fresh: FreshTokens };
  /** Give back what the device holds for it. Nothing may be run over it afterwards. */
  release(): void;
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
      return { outputs: { key: fresh.key, value: fresh.value }, fresh };
    },
    release: () => store.release(),
  };
}

/** A graph that reads the cache, and what is bound to it besides. */
export interface CachePassParts {
  readonly graph: Graph;
  readonly cache: RollingCache;
  readonly memory: CacheMemory;
  /** Frames of its own that the pass brings. */
  readonly frames: number;
  readonly inputs: Buffers;
  readonly outputs: Buffers;
}

/**
 * One kind of pass against the cache: a graph, and where its own keys and values come out.
 *
 * The graph is bound once, and again whenever the cache has other arrays than before.
 */
export class CachePass {
  readonly fresh: FreshTokens;
  readonly #parts: CachePassParts;
  readonly #own: RotaryTables;
  readonly #outputs: Buffers;
  #bound: { readonly revision: number; readonly graph: BoundGraph } | undefined;

  constructor(parts: CachePassParts) {
    const { tokensPerFrame, position } = parts.cache.layout;
    const tokens = parts.frames * tokensPerFrame;
    const floats = (tokens * position.rotaryDim) / 2;
    const { outputs, fresh } = parts.memory.pass(tokens);
    this.#parts = parts;
    this.#own = { cos: new Float32Array(floats), sin: new Float32Array(floats) };
    this.#outputs = outputs;
    this.fresh = fresh;
  }

  /** Run the graph over what the cache holds now. @throws {StreamError} `inference_failed`. */
  async run(): Promise<void> {
    const { cache, memory, frames } = this.#parts;
    memory.store.prepare();
    cache.writeOwnTables(this.#own, frames);
    await this.#graph().run();
  }

  #graph(): BoundGraph {
    const { revision } = this.#parts.cache;
    if (this.#bound?.revision !== revision) this.#bound = { revision, graph: this.#bind() };
    return this.#bound.graph;
  }

  #bind(): BoundGraph {
    const { graph, cache, memory, inputs, outputs } = this.#parts;
    const { bias, cos, sin } = cache.tables;
    return graph.bind(
      {
        ...inputs,
        ...memory.inputs,
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
