import { type CacheLayout, floatsPerSlot, slotCount } from "./layout.ts";

/** All keys and all values of a cache, [layers, heads, slots, headDim] each; keys normed but not rotated. */
export interface KeysAndValues {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** Frame `index` of some fresh tokens goes to `page`. */
export interface Placement {
  readonly page: number;
  readonly index: number;
}

/** Keys and values a pass has just made, wherever they lie. */
export interface FreshTokens {
  /** Copy frames into the store's pages. */
  writeTo(placements: readonly Placement[]): Promise<void>;
}

/** Where the keys and values of a cache lie: in this process, or on a device. */
export interface KeyValueStore {
  /** Everything as it is. Borrows: read it before the next call. */
  read(): Promise<KeysAndValues>;
  /** Replace everything by a copy of `all`. */
  load(all: KeysAndValues): void;
  /** Zero everything. */
  clear(): void;
}

/** Keys and values in this process's memory. The arrays keep their identity and are read in place. */
export class HostStore implements KeyValueStore, KeysAndValues {
  readonly layout: CacheLayout;
  readonly key: Float32Array;
  readonly value: Float32Array;

  constructor(layout: CacheLayout) {
    const floats = slotCount(layout) * floatsPerSlot(layout);
    this.layout = layout;
    this.key = new Float32Array(floats);
    this.value = new Float32Array(floats);
  }

  read(): Promise<KeysAndValues> {
    return Promise.resolve(this);
  }

  load({ key, value }: KeysAndValues): void {
    this.key.set(key);
    this.value.set(value);
  }

  clear(): void {
    this.key.fill(0);
    this.value.fill(0);
  }
}

/**
 * The answer of a pass over `tokens` tokens, bound for a host store.
 *
 * Shapes: `key`, `value` [layers, heads, tokens, headDim].
 */
export class HostTokens implements FreshTokens, KeysAndValues {
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly #store: HostStore;
  readonly #tokens: number;

  constructor(store: HostStore, tokens: number) {
    const floats = tokens * floatsPerSlot(store.layout);
    this.key = new Float32Array(floats);
    this.value = new Float32Array(floats);
    this.#store = store;
    this.#tokens = tokens;
  }

  writeTo(placements: readonly Placement[]): Promise<void> {
    for (const placement of placements) this.#write(placement);
    return Promise.resolve();
  }

  /** One stretch for each layer and head. */
  #write({ page, index }: Placement): void {
    const { layers, heads, headDim, tokensPerFrame } = this.#store.layout;
    const slots = slotCount(this.#store.layout);
    const length = tokensPerFrame * headDim;
    for (let row = 0; row < layers * heads; row++) {
      const from = (row * this.#tokens + index * tokensPerFrame) * headDim;
      const to = (row * slots + page * tokensPerFrame) * headDim;
      this.#store.key.set(this.key.subarray(from, from + length), to);
      this.#store.value.set(this.value.subarray(from, from + length), to);
    }
  }
}
