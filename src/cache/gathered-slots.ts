import { type CacheLayout, rowCount } from "./layout.ts";
import type { SlotTables } from "./slot-tables.ts";
import type { KeysAndValues } from "./store.ts";

/**
 * Some slots side by side, as a pass reads them; layers that have fewer end in empty ones.
 *
 * Shapes: as the cache's own, for `slots` slots.
 */
export interface GatheredSlots extends SlotTables, KeysAndValues {
  readonly slots: number;
}

/** Numbers of slots that may be gathered, for a cache of one capacity: a graph plans for each that it sees. */
const MOST_SIZES = 32;

/** Arrays to gather slots in: one set, cut to a few sizes, that grows to the largest that was asked for. */
export class GatheringRoom {
  readonly capacity: number;
  readonly #layout: CacheLayout;
  readonly #step: number;
  readonly #cuts = new Map<number, GatheredSlots>();
  #whole: GatheredSlots | undefined;

  constructor(layout: CacheLayout, capacity: number) {
    this.#layout = layout;
    this.capacity = capacity;
    this.#step = Math.ceil(capacity / MOST_SIZES);
  }

  /** Room for `slots` slots of each layer, and some more. */
  of(slots: number): GatheredSlots {
    const size = Math.max(1, Math.ceil(slots / this.#step)) * this.#step;
    if (this.#whole === undefined || this.#whole.slots < size) {
      this.#whole = this.#allocate(size);
      this.#cuts.clear();
    }
    const cut = this.#cuts.get(size) ?? this.#cut(this.#whole, size);
    this.#cuts.set(size, cut);
    return cut;
  }

  #allocate(slots: number): GatheredSlots {
    const { vectors, angles, biases } = this.#floats(slots);
    return {
      slots,
      key: new Float32Array(vectors),
      value: new Float32Array(vectors),
      bias: new Float32Array(biases),
      cos: new Float32Array(angles),
      sin: new Float32Array(angles),
    };
  }

  #cut({ key, value, bias, cos, sin }: GatheredSlots, slots: number): GatheredSlots {
    const { vectors, angles, biases } = this.#floats(slots);
    return {
      slots,
      key: key.subarray(0, vectors),
      value: value.subarray(0, vectors),
      bias: bias.subarray(0, biases),
      cos: cos.subarray(0, angles),
      sin: sin.subarray(0, angles),
    };
  }

  #floats(slots: number) {
    const { layers, headDim, position } = this.#layout;
    return {
      vectors: rowCount(this.#layout) * slots * headDim,
      angles: (layers * slots * position.rotaryDim) / 2,
      biases: layers * slots,
    };
  }
}

/**
 * Copy the rows `rows` of `from`, counted from row `first`, to neighbouring rows of `to` from row `into` on.
 *
 * A loop: for rows this short it is several times faster than views are made.
 */
export function copyRows(
  from: Float32Array,
  first: number,
  to: Float32Array,
  into: number,
  rows: Uint32Array,
  length: number,
): void {
  for (let i = 0, target = into * length; i < rows.length; i++) {
    let source = (first + (rows[i] ?? 0)) * length;
    for (const end = source + length; source < end; source++) to[target++] = from[source] ?? 0;
  }
}
