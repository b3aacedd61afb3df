import type { CacheLayout } from "./layout.ts";
import type { SlotFacts } from "./record.ts";

/** The buckets of every slot's keys, and which slot they were made for: a slot whose facts changed is hashed anew. */
export class SlotCodes {
  /** [layers, slots, heads, tables]. */
  readonly codes: Uint16Array;
  readonly #layout: CacheLayout;
  readonly #capacity: number;
  readonly #tables: number;
  readonly #position: Float64Array;
  readonly #count: Float32Array;
  readonly #token: Uint16Array;

  constructor(layout: CacheLayout, capacity: number, tables: number) {
    const slots = layout.layers * capacity;
    this.codes = new Uint16Array(slots * layout.heads * tables);
    this.#layout = layout;
    this.#capacity = capacity;
    this.#tables = tables;
    this.#position = new Float64Array(slots).fill(Number.NaN);
    this.#count = new Float32Array(slots);
    this.#token = new Uint16Array(slots);
  }

  /** Whether the slot behind the facts at `at` is another than it was when it was stamped. */
  isStale(at: number, facts: SlotFacts): boolean {
    return !(
      this.#position[at] === facts.position[at] &&
      this.#count[at] === facts.count[at] &&
      this.#token[at] === facts.token[at]
    );
  }

  stamp(at: number, facts: SlotFacts): void {
    this.#position[at] = facts.position[at] ?? 0;
    this.#count[at] = facts.count[at] ?? 0;
    this.#token[at] = facts.token[at] ?? 0;
  }

  /** The same for `capacity` slots a layer, as far as it was made. */
  resized(capacity: number): SlotCodes {
    const next = new SlotCodes(this.#layout, capacity, this.#tables);
    const each = this.#layout.heads * this.#tables;
    const length = Math.min(capacity, this.#capacity);
    for (let layer = 0; layer < this.#layout.layers; layer++) {
      const [from, to] = [layer * this.#capacity, layer * capacity];
      copy(this.codes, from * each, next.codes, to * each, length * each);
      copy(this.#position, from, next.#position, to, length);
      copy(this.#count, from, next.#count, to, length);
      copy(this.#token, from, next.#token, to, length);
    }
    return next;
  }
}

const copy = <T extends Float32Array | Float64Array | Uint16Array>(
  from: T,
  at: number,
  to: T,
  into: number,
  length: number,
): void => to.set(from.subarray(at, at + length), into);
