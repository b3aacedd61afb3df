import type { NumberArray } from "../core/bytes.ts";
import { type CacheLayout, rowCount } from "./layout.ts";
import type { RawFrame } from "./record.ts";
import type { VectorCodec } from "./storage.ts";

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
  /** Have the floats where graphs read them. */
  prepare(): void;
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

/** Copy the slots that two stores of vectors share; those above them in `to` are as they were. */
function copyVectors(
  from: Vectors & { readonly capacity: number },
  to: Vectors & { readonly capacity: number },
  rows: number,
): void {
  const length = Math.min(from.capacity, to.capacity);
  for (const part of ["key", "value"] as const) {
    for (let row = 0; row < rows; row++) {
      to.stretch(part, row, 0, length).set(from.stretch(part, row, 0, length));
    }
  }
}

/** Vectors as a codec's bytes. */
class CodedVectors implements Vectors {
  readonly codec: VectorCodec;
  readonly capacity: number;
  readonly #bytes: number;
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;

  constructor(layout: CacheLayout, capacity: number, codec: VectorCodec) {
    this.codec = codec;
    this.capacity = capacity;
    this.#bytes = codec.bytes(layout.headDim);
    this.#key = new Uint8Array(rowCount(layout) * capacity * this.#bytes);
    this.#value = new Uint8Array(rowCount(layout) * capacity * this.#bytes);
  }

  stretch(part: "key" | "value", row: number, slot: number, length: number): Uint8Array {
    const from = (row * this.capacity + slot) * this.#bytes;
    return (part === "key" ? this.#key : this.#value).subarray(from, from + length * this.#bytes);
  }
}

/**
 * Floats that graphs read, lent to one store at a time: stores that keep bytes need them only while their own
 * pass runs, so that all sessions of a model share one set of each size.
 */
export class FloatPool {
  readonly #sets = new Map<number, { readonly floats: FloatVectors; users: number }>();
  readonly #holders = new WeakMap<FloatVectors, object>();

  /** A set for `capacity` slots, until it is given back. */
  borrow(layout: CacheLayout, capacity: number): FloatVectors {
    const set = this.#sets.get(capacity) ?? {
      floats: new FloatVectors(layout, capacity),
      users: 0,
    };
    set.users += 1;
    this.#sets.set(capacity, set);
    return set.floats;
  }

  giveBack(floats: FloatVectors): void {
    const set = this.#sets.get(floats.capacity);
    if (set === undefined) return;
    set.users -= 1;
    if (set.users === 0) this.#sets.delete(floats.capacity);
  }

  /** Let the set hold what `holder` writes from now on; whether it already did. */
  hold(floats: FloatVectors, holder: object): boolean {
    const held = this.#holders.get(floats) === holder;
    this.#holders.set(floats, holder);
    return held;
  }
}

/** Keys and values in this process's memory; the arrays graphs read are others after `resize` and `keepAs` alone. */
export class HostStore implements KeyValueStore, KeysAndValues {
  readonly layout: CacheLayout;
  readonly host = this;
  readonly #pool: FloatPool;
  #floats: FloatVectors;
  /** What is kept between passes, where that is not the floats. */
  #coded: CodedVectors | undefined;

  constructor(layout: CacheLayout, capacity: number, pool = new FloatPool()) {
    this.layout = layout;
    this.#pool = pool;
    this.#floats = new FloatVectors(layout, capacity);
  }

  get capacity(): number {
    return this.#floats.capacity;
  }

  get bytesPerSlot(): number {
    const { heads, headDim } = this.layout;
    const codec = this.#coded?.codec;
    return 2 * heads * (codec?.bytes(headDim) ?? headDim * Float32Array.BYTES_PER_ELEMENT);
  }

  get key(): Float32Array {
    this.prepare();
    return this.#floats.key;
  }

  get value(): Float32Array {
    this.prepare();
    return this.#floats.value;
  }

  /** Where the vector of a slot begins, in `key` and in `value`; `row` counts layers, then heads. */
  at(row: number, slot: number): number {
    return this.#floats.at(row, slot);
  }

  prepare(): void {
    if (this.#coded === undefined || this.#pool.hold(this.#floats, this)) return;
    this.#decodeAll(this.#coded);
  }

  /** Call after floats of a slot were written: they become what is kept of them. */
  wrote(layer: number, slot: number): void {
    if (this.#coded === undefined) return;
    const { heads } = this.layout;
    for (let row = layer * heads; row < (layer + 1) * heads; row++) {
      this.#encode(this.#coded, "key", row, slot);
      this.#encode(this.#coded, "value", row, slot);
    }
  }

  /** Keep vectors in another form from now on; those that are held are converted. */
  keepAs(codec: VectorCodec | undefined): void {
    if (codec === this.#coded?.codec) return;
    const before = this.#floatsApart();
    this.#renew(this.capacity, codec);
    copyVectors(before, this.#floats, rowCount(this.layout));
    this.#encodeAll();
  }

  /** Copy what a slot of a layer holds to another. */
  move(layer: number, from: number, to: number): void {
    const { heads } = this.layout;
    for (let row = layer * heads; row < (layer + 1) * heads; row++) {
      for (const vectors of this.#coded === undefined
        ? [this.#floats]
        : [this.#coded, this.#floats]) {
        for (const part of ["key", "value"] as const) {
          vectors.stretch(part, row, to, 1).set(vectors.stretch(part, row, from, 1));
        }
      }
    }
  }

  resize(capacity: number): void {
    if (capacity === this.capacity) return;
    const rows = rowCount(this.layout);
    const before = this.#coded ?? this.#floatsApart();
    this.#renew(capacity, this.#coded?.codec);
    copyVectors(before, this.#coded ?? this.#floats, rows);
    if (this.#coded !== undefined) this.#decodeAll(this.#coded);
  }

  vectors(): Promise<Vectors> {
    return Promise.resolve(this.#coded ?? this.#floats);
  }

  load(_vectors: Vectors): void {
    // They are this store's own, and were written in place.
    if (this.#coded !== undefined) this.#decodeAll(this.#coded);
  }

  clear(): void {
    for (const floats of [this.key, this.value]) floats.fill(0);
    this.#encodeAll();
  }

  release(): void {
    if (this.#coded !== undefined) this.#pool.giveBack(this.#floats);
  }

  /** The floats as they are, safe from whoever borrows them next. */
  #floatsApart(): FloatVectors {
    if (this.#coded === undefined) return this.#floats;
    const floats = { key: this.key.slice(), value: this.value.slice() };
    return new FloatVectors(this.layout, this.capacity, floats);
  }

  /** Have arrays of another kind or size; what they hold is not said. */
  #renew(capacity: number, codec: VectorCodec | undefined): void {
    this.release();
    this.#coded = codec && new CodedVectors(this.layout, capacity, codec);
    this.#floats =
      codec === undefined
        ? new FloatVectors(this.layout, capacity)
        : this.#pool.borrow(this.layout, capacity);
    if (codec !== undefined) this.#pool.hold(this.#floats, this);
  }

  #encodeAll(): void {
    for (let layer = 0; layer < this.layout.layers; layer++) {
      for (let slot = 0; slot < this.capacity; slot++) this.wrote(layer, slot);
    }
  }

  #decodeAll(coded: CodedVectors): void {
    this.#pool.hold(this.#floats, this);
    for (let row = 0; row < rowCount(this.layout); row++) {
      for (let slot = 0; slot < this.capacity; slot++) {
        for (const part of ["key", "value"] as const) {
          const code = coded.stretch(part, row, slot, 1);
          coded.codec.decode(code, this.#floats.stretch(part, row, slot, 1));
        }
      }
    }
  }

  #encode(coded: CodedVectors, part: "key" | "value", row: number, slot: number): void {
    const vector = this.#floats.stretch(part, row, slot, 1);
    const code = coded.stretch(part, row, slot, 1);
    coded.codec.encode(vector, code);
    coded.codec.decode(code, vector);
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
