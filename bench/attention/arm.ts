/** A causal encoder over a cache that keeps everything, read in one way, and what that reading misses. */

import type { GatheredSlots } from "../../src/cache/gathered-slots.ts";
import { keepAll } from "../../src/cache/keeping.ts";
import type { CacheLayout } from "../../src/cache/layout.ts";
import { RollingCache } from "../../src/cache/rolling-cache.ts";
import { HostTokens, type KeysAndValues } from "../../src/cache/store.ts";
import { cacheLayout } from "../../src/models/arena.ts";
import { CachePass, hostMemory, type PassOutputs } from "../../src/models/cache-memory.ts";
import type { Manifest } from "../../src/models/manifest.ts";
import type { OpenGraphs } from "../../src/models/ort/open.ts";
import { modelSizes } from "../../src/models/signatures.ts";
import type { WalkFrame } from "../cache/walk.ts";

/** What a pass was given to read, and found. */
interface Look {
  /** Slots it read over slots there were, in each layer. */
  readonly read: number;
  /** Share of the attention of its queries, over everything, that falls on what was read; mean of layers and heads. */
  readonly mass: number;
}

/** Times passes over one cache. */
export class Arm {
  readonly #layout: CacheLayout;
  readonly #cache: RollingCache;
  readonly #store: KeysAndValues;
  readonly #latent: Float32Array;
  readonly #control: Float32Array;
  readonly #pass: CachePass;
  #own: PassOutputs | undefined;

  constructor(manifest: Manifest, graphs: OpenGraphs, attention: "dense" | "hashed") {
    const layout = cacheLayout(manifest);
    const { latent, controls } = modelSizes(manifest);
    const memory = hostMemory(layout);
    if (memory.store.host === undefined) throw new Error("the bench reads the floats of the cache");
    this.#layout = layout;
    this.#store = memory.store.host;
    this.#cache = new RollingCache({ layout, store: memory.store, policy: keepAll, ownFrames: 1 });
    this.#cache.hashBeyond(attention === "hashed" ? layout.windowFrames : undefined);
    this.#latent = new Float32Array(latent.reduce((n, size) => n * size, 1));
    this.#control = new Float32Array(controls);
    const features = (manifest.conditioning.features ?? []).reduce((n, size) => n * size, 1);
    this.#pass = new CachePass({
      graph: graphs.graph("encoder"),
      cache: this.#cache,
      memory: {
        store: memory.store,
        get inputs() {
          return memory.inputs;
        },
        pass: (tokens) => {
          this.#own = memory.pass(tokens);
          return this.#own;
        },
        release: () => {
          memory.release();
        },
      },
      frames: 1,
      inputs: { latent: this.#latent, control: this.#control },
      outputs: { features: new Float32Array(features) },
    });
  }

  /** Read the cache for one frame and commit it; its milliseconds, and what was found if it `isLookedAt`. */
  async pass(
    { latents, control }: WalkFrame,
    isLookedAt: boolean,
  ): Promise<{ readonly milliseconds: number; readonly look: Look | undefined }> {
    this.#latent.set(latents);
    this.#control.set(control);
    const gathered = isLookedAt ? this.#cache.attention?.gather() : undefined;
    const began = performance.now();
    await this.#pass.run();
    const read = performance.now();
    const look = gathered && this.#look(gathered);
    const looked = performance.now();
    await this.#cache.commit(this.#pass.fresh, 1);
    return { milliseconds: performance.now() - looked + read - began, look };
  }

  #look(gathered: GatheredSlots): Look {
    const { layers, heads } = this.#layout;
    const all: GatheredSlots = {
      slots: this.#cache.record.capacity,
      key: this.#store.key,
      value: this.#store.value,
      ...this.#cache.tables,
    };
    let mass = 0;
    for (let row = 0; row < layers * heads; row++) {
      for (const query of this.#queries(row)) {
        const own = this.#ownWeight(row, query);
        mass += (this.#weight(gathered, row, query) + own) / (this.#weight(all, row, query) + own);
      }
    }
    const queries = layers * heads * this.#layout.tokensPerFrame;
    return { read: gathered.slots / this.#cache.report.slots, mass: mass / queries };
  }

  /** Queries of the newest pass in one layer's head, turned and scaled. */
  *#queries(row: number): Generator<Float32Array> {
    const { headDim, tokensPerFrame } = this.#layout;
    for (let token = 0; token < tokensPerFrame; token++) {
      const at = (row * tokensPerFrame + token) * headDim;
      const query = this.#own?.queries?.slice(at, at + headDim) ?? new Float32Array();
      yield this.#turned(query).map((x) => x / Math.sqrt(headDim));
    }
  }

  /** A vector of the pass's own frame, turned to its position. */
  #turned(vector: Float32Array): Float32Array {
    const { tokensPerFrame, position } = this.#layout;
    const half = position.rotaryDim / 2;
    const tables = {
      cos: new Float32Array(tokensPerFrame * half),
      sin: new Float32Array(tokensPerFrame * half),
    };
    this.#cache.writeOwnTables(tables, 1);
    return turned(vector, tables.cos, tables.sin, 0, half);
  }

  /** Sum of a query's weights over the slots of a layer. */
  #weight({ slots, key, bias, cos, sin }: GatheredSlots, row: number, query: Float32Array): number {
    const { heads, headDim, position } = this.#layout;
    const half = position.rotaryDim / 2;
    const first = Math.floor(row / heads) * slots;
    let sum = 0;
    for (let slot = 0; slot < slots; slot++) {
      const at = (row * slots + slot) * headDim;
      const vector = key.subarray(at, at + headDim);
      const score = dot(query, turned(vector, cos, sin, (first + slot) * half, half));
      sum += Math.exp(score + (bias[first + slot] ?? 0));
    }
    return sum;
  }

  /** The same over the pass's own tokens. */
  #ownWeight(row: number, query: Float32Array): number {
    const { headDim, tokensPerFrame } = this.#layout;
    const { fresh } = this.#pass;
    if (!(fresh instanceof HostTokens)) throw new Error("the bench reads the pass's own keys");
    let sum = 0;
    for (let token = 0; token < tokensPerFrame; token++) {
      const at = (row * tokensPerFrame + token) * headDim;
      sum += Math.exp(dot(query, this.#turned(fresh.key.subarray(at, at + headDim))));
    }
    return sum;
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let dim = 0; dim < a.length; dim++) sum += (a[dim] ?? 0) * (b[dim] ?? 0);
  return sum;
}

/** A turned copy: halves (a, b) become (a·cos − b·sin, b·cos + a·sin). */
function turned(
  vector: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  at: number,
  half: number,
): Float32Array {
  const copy = vector.slice();
  for (let i = 0; i < half; i++) {
    const [a, b] = [vector[i] ?? 0, vector[half + i] ?? 0];
    const [c, s] = [cos[at + i] ?? 1, sin[at + i] ?? 0];
    copy[i] = a * c - b * s;
    copy[half + i] = b * c + a * s;
  }
  return copy;
}
