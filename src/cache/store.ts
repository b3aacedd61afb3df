import type { NumberArray } from "../core/bytes.ts";
import { type CacheLayout, rowCount } from "./layout.ts";
import type { RawFrame } from "./record.ts";

/** All keys and all values of a cache, [layers, heads, slots, headDim] each; keys normed but not rotated. */
export interface KeysAndValues {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** The vectors of a store as they are kept, in place. `row` counts layers, then heads. */
export interface Vectors {
  /** Those of `length` neighbouring slots from `slot` on: a view. */
  stretch(part: "key" | "value", row: number, slot: number, length: number): NumberArray;
}

/** A frame of some fresh tokens, and the slots it goes to. */
export interface Placement {
  /** Which of the pass's frames. */
  readonly index: number;
  readonly frame: RawFrame;
}

/** Keys and values a pass has just made, wherever they lie. */
export interface FreshTokens {
  /** Copy frames into their slots of the store. */
  writeTo(placements: readonly Placement[]): Promise<void>;
}

/** Where the keys and values of a cache lie: in this process, or on a device. */
export interface KeyValueStore {
  /** Slots of one layer there are. */
  readonly capacity: number;
  /** Bytes of the keys and values of one slot of one layer. */
  readonly bytesPerSlot: number;
  /** The floats themselves where they lie in this process: what merging and compressing need. */
  readonly host: HostStore | undefined;
  /** Have `capacity` slots a layer; what lies above is lost, what is new is zero. */
  resize(capacity: number): void;
  /** Everything as it is. Borrows: read or write it before the next call. */
  vectors(): Promise<Vectors>;
  /** Take what was written into `vectors`, which must be of this store. */
  load(vectors: Vectors): void;
  /** Zero everything. */
  clear(): void;
}

/** Plain floats as vectors. */
export class FloatVectors implements Vectors, KeysAndValues {
  readonly layout: CacheLayout;
  readonly capacity: number;
  readonly key: Float32Array;
  readonly value: Float32Array;

  constructor(layout: CacheLayout, capacity: number, floats?: KeysAndValues) {
    const length = rowCount(layout) * capacity * layout.headDim;
    this.layout = layout;
    this.capacity = capacity;
    this.key = floats?.key ?? new Float32Array(length);
    this.value = floats?.value ?? new Float32Array(length);
  }

  /** Where the vector of a slot begins, in `key` and in `value`. */
  at(row: number, slot: number): number {
    return (row * this.capacity + slot) * this.layout.headDim;
  }

  stretch(part: "key" | "value", row: number, slot: number, length: number): Float32Array {
    return this[part].subarray(this.at(row, slot), this.at(row, slot + length));
  }
}

/** Keys and values in this process's memory, read by graphs in place; new arrays at `resize` alone. */
export class HostStore implements KeyValueStore, KeysAndValues {
  readonly layout: CacheLayout;
  readonly host = this;
  #floats: FloatVectors;

  constructor(layout: CacheLayout, capacity: number) {
    this.layout = layout;
    this.#floats = new FloatVectors(layout, capacity);
  }

  get capacity(): number {
    return this.#floats.capacity;
  }

  get bytesPerSlot(): number {
    return 2 * Float32Array.BYTES_PER_ELEMENT * this.layout.heads * this.layout.headDim;
  }

  get key(): Float32Array {
    return this.#floats.key;
  }

  get value(): Float32Array {
    return this.#floats.value;
  }

  /** Where the vector of a slot begins, in `key` and in `value`; `row` counts layers, then heads. */
  at(row: number, slot: number): number {
    return this.#floats.at(row, slot);
  }

  /** Call after floats of a slot were written from outside. */
  wrote(_layer: number, _slot: number): void {
    // Floats are kept as they are.
  }

  resize(capacity: number): void {
    const before = this.#floats;
    if (capacity === before.capacity) return;
    this.#floats = new FloatVectors(this.layout, capacity);
    const length = Math.min(before.capacity, capacity);
    for (let row = 0; row < rowCount(this.layout); row++) {
      this.#floats.key.set(before.stretch("key", row, 0, length), this.at(row, 0));
      this.#floats.value.set(before.stretch("value", row, 0, length), this.at(row, 0));
    }
  }

  vectors(): Promise<Vectors> {
    return Promise.resolve(this.#floats);
  }

  load(_vectors: Vectors): void {
    // They are this store's own, and were written in place.
  }

  clear(): void {
    this.#floats.key.fill(0);
    this.#floats.value.fill(0);
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
    const floats = tokens * rowCount(store.layout) * store.layout.headDim;
    this.key = new Float32Array(floats);
    this.value = new Float32Array(floats);
    this.#store = store;
    this.#tokens = tokens;
  }

  writeTo(placements: readonly Placement[]): Promise<void> {
    for (const { frame, index } of placements) {
      for (const [layer, slots] of frame.slots.entries()) this.#write(layer, slots, index);
    }
    return Promise.resolve();
  }

  /** One stretch for each head and each run of neighbouring slots. */
  #write(layer: number, slots: Uint32Array, index: number): void {
    const { heads, headDim } = this.#store.layout;
    for (const { first, length, slot } of runsOf(slots)) {
      for (let row = layer * heads; row < (layer + 1) * heads; row++) {
        const from = (row * this.#tokens + index * slots.length + first) * headDim;
        const to = this.#store.at(row, slot);
        this.#store.key.set(this.key.subarray(from, from + length * headDim), to);
        this.#store.value.set(this.value.subarray(from, from + length * headDim), to);
      }
    }
    for (const slot of slots) this.#store.wrote(layer, slot);
  }
}

/** Runs of neighbouring slots: `length` entries from entry `first` on lie from `slot` on. */
export function* runsOf(
  slots: Uint32Array,
): Generator<{ readonly first: number; readonly length: number; readonly slot: number }> {
  for (let first = 0; first < slots.length; ) {
    const slot = slots[first] ?? 0;
    let length = 1;
    while (slots[first + length] === slot + length) length++;
    yield { first, length, slot };
    first += length;
  }
}
