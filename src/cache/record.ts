import { StreamError } from "../core/errors.ts";
import type { CacheLayout } from "./layout.ts";

/**
 * What a slot holds: a token of a sink frame, of a frame in the window, one kept after its frame left the
 * window, one that stands for similar tokens, or one that a compressor made.
 */
export const SlotKind = { empty: 0, sink: 1, raw: 2, kept: 3, merged: 4, compressed: 5 } as const;
export type SlotKind = (typeof SlotKind)[keyof typeof SlotKind];

/** A frame whose tokens are all held as they came. */
export interface RawFrame {
  /** Its number since the beginning. */
  readonly frame: number;
  readonly kind: typeof SlotKind.sink | typeof SlotKind.raw;
  /** Where its tokens lie: for each layer one slot a token, in order. */
  readonly slots: readonly Uint32Array[];
}

/** Facts about slots, as arrays over [layers, slots]. */
export interface SlotFacts {
  /** Number of the newest frame the slot stands for. */
  readonly position: Float64Array;
  /** How many tokens the slot stands for. */
  readonly count: Float32Array;
  /** Place of the token in its frame. */
  readonly token: Uint16Array;
  /** `SlotKind`. */
  readonly kind: Uint8Array;
}

const FACTS = ["position", "count", "token", "kind"] as const;

const factsOf = (length: number): SlotFacts => ({
  position: new Float64Array(length),
  count: new Float32Array(length),
  token: new Uint16Array(length),
  kind: new Uint8Array(length),
});

/**
 * The facts about every slot of a cache, and which frames are held raw.
 *
 * A token is placed in the lowest free slot of each layer, so that nothing ever moves: attention does not mind
 * the order of its keys, since every slot carries its own position. Where tokens lie is a function of which
 * slots are held, so equal histories give equal memory. Layers may differ once tokens were merged.
 */
export class CacheRecord {
  readonly layout: CacheLayout;
  #facts: SlotFacts;
  #capacity: number;
  #frames: RawFrame[] = [];
  /** By layer: slots in use, and a slot below which none is free. */
  readonly #used: number[];
  readonly #lowest: number[];
  readonly #touched = new Set<number>();

  constructor(layout: CacheLayout, capacity: number) {
    this.layout = layout;
    this.#capacity = capacity;
    this.#facts = factsOf(layout.layers * capacity);
    this.#used = Array.from({ length: layout.layers }, () => 0);
    this.#lowest = Array.from({ length: layout.layers }, () => 0);
  }

  /** Slots of one layer there are. */
  get capacity(): number {
    return this.#capacity;
  }

  get facts(): SlotFacts {
    return this.#facts;
  }

  /** Frames held raw, sinks included, oldest first. */
  get frames(): readonly RawFrame[] {
    return this.#frames;
  }

  /** Frames of the window, oldest first. */
  get window(): readonly RawFrame[] {
    return this.#frames.filter(({ kind }) => kind === SlotKind.raw);
  }

  /** Slots of `layer` in use. */
  used(layer: number): number {
    return this.#used[layer] ?? 0;
  }

  /** Slots of `layer` in use that no raw frame holds. */
  memory(layer: number): number {
    return this.used(layer) - this.#frames.length * this.layout.tokensPerFrame;
  }

  /** Index of a slot among the facts. */
  at(layer: number, slot: number): number {
    return layer * this.#capacity + slot;
  }

  /** Slots of `layer` that hold something outside the raw frames, in order of their place. */
  *memorySlots(layer: number): Generator<number> {
    const first = this.at(layer, 0);
    for (let slot = 0; slot < this.#capacity; slot++) {
      if ((this.#facts.kind[first + slot] ?? 0) > SlotKind.raw) yield slot;
    }
  }

  /** Facts that changed since the last call, as indices; the caller brings its tables up to date. */
  takeTouched(): readonly number[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }

  /** Whether every layer has room for `frames` more frames. */
  hasRoom(frames: number): boolean {
    const tokens = frames * this.layout.tokensPerFrame;
    return this.#used.every((used) => used + tokens <= this.#capacity);
  }

  /** @throws {StreamError} `cache_overflow` when a layer has too few free slots for `frames` frames. */
  requireRoom(frames: number): void {
    if (this.hasRoom(frames)) return;
    throw new StreamError(
      "cache_overflow",
      `the cache is full: it has room for ${this.#capacity} tokens in each layer`,
      { recovery: "reset-cache" },
    );
  }

  /**
   * Give frame `frame`, which is newer than all held, a slot for each token in each layer.
   *
   * @throws {StreamError} `cache_overflow`.
   */
  enter(frame: number, kind: RawFrame["kind"]): RawFrame {
    this.requireRoom(1);
    const { layers, tokensPerFrame } = this.layout;
    const slots = Array.from({ length: layers }, (_, layer) =>
      Uint32Array.from({ length: tokensPerFrame }, (_, token) =>
        this.#take(layer, { position: frame, count: 1, token, kind }),
      ),
    );
    const entered = { frame, kind, slots };
    this.#frames.push(entered);
    return entered;
  }

  /** Let a raw frame become `kind`. */
  mark(frame: RawFrame, kind: RawFrame["kind"]): void {
    this.#frames = this.#frames.map((each) => (each === frame ? { ...frame, kind } : each));
    this.#eachSlot(frame, (at) => {
      this.#facts.kind[at] = kind;
    });
  }

  /** Take a raw frame from the list; its slots are the caller's to `settle` or to `free`. */
  dissolve(frame: RawFrame): void {
    this.#frames = this.#frames.filter((each) => each !== frame);
  }

  /** Forget a raw frame. */
  release(frame: RawFrame): void {
    this.dissolve(frame);
    for (const [layer, slots] of frame.slots.entries()) {
      for (const slot of slots) this.free(layer, slot);
    }
  }

  /** Let a slot be memory of `kind`, standing for `count` tokens of which the newest is of frame `position`. */
  settle(layer: number, slot: number, fact: Partial<Omit<SlotFact, "token">>): void {
    const at = this.at(layer, slot);
    if (fact.position !== undefined) this.#facts.position[at] = fact.position;
    if (fact.count !== undefined) this.#facts.count[at] = fact.count;
    if (fact.kind !== undefined) this.#facts.kind[at] = fact.kind;
    this.#touched.add(at);
  }

  /** Say which place in its frame a slot of memory stands for. */
  relabel(layer: number, slot: number, token: number): void {
    this.#facts.token[this.at(layer, slot)] = token;
  }

  /** Empty a slot. */
  free(layer: number, slot: number): void {
    const at = this.at(layer, slot);
    this.#facts.kind[at] = SlotKind.empty;
    this.#facts.count[at] = 0;
    this.#used[layer] = this.used(layer) - 1;
    this.#lowest[layer] = Math.min(this.#lowest[layer] ?? 0, slot);
    this.#touched.add(at);
  }

  /** Forget everything. */
  clear(): void {
    this.hold(this.#capacity, () => undefined);
  }

  /**
   * Bring what lies in slots from `capacity` on into the lowest free ones; `moved` is told of each.
   *
   * There must be as many free ones.
   */
  compact(capacity: number, moved: (layer: number, from: number, to: number) => void): void {
    for (let layer = 0; layer < this.layout.layers; layer++) {
      let to = 0;
      for (let from = capacity; from < this.#capacity; from++) {
        if (this.#facts.kind[this.at(layer, from)] === SlotKind.empty) continue;
        while (this.#facts.kind[this.at(layer, to)] !== SlotKind.empty) to++;
        for (const name of FACTS) {
          this.#facts[name][this.at(layer, to)] = this.#facts[name][this.at(layer, from)] ?? 0;
        }
        this.#facts.kind[this.at(layer, from)] = SlotKind.empty;
        moved(layer, from, to);
      }
    }
    this.#recount();
  }

  /** Have `capacity` slots a layer; all held must lie below it. */
  resize(capacity: number): void {
    const before = this.#facts;
    const old = this.#capacity;
    const length = Math.min(old, capacity);
    this.hold(capacity, (facts) => {
      for (let layer = 0; layer < this.layout.layers; layer++) {
        for (const name of FACTS) {
          facts[name].set(
            before[name].subarray(layer * old, layer * old + length),
            layer * capacity,
          );
        }
      }
    });
  }

  /** Replace all facts by what `write` writes into zeroed ones. */
  hold(capacity: number, write: (facts: SlotFacts) => void): void {
    this.#capacity = capacity;
    this.#facts = factsOf(this.layout.layers * capacity);
    write(this.#facts);
    this.#touched.clear();
    this.#recount();
  }

  #take(layer: number, fact: SlotFact): number {
    let slot = this.#lowest[layer] ?? 0;
    while (this.#facts.kind[this.at(layer, slot)] !== SlotKind.empty) slot++;
    this.#lowest[layer] = slot + 1;
    this.#used[layer] = this.used(layer) + 1;
    this.relabel(layer, slot, fact.token);
    this.settle(layer, slot, fact);
    return slot;
  }

  #eachSlot(frame: RawFrame, act: (at: number) => void): void {
    for (const [layer, slots] of frame.slots.entries()) {
      for (const slot of slots) act(this.at(layer, slot));
    }
  }

  /** Bring what is derived from the facts up to date: slots in use, and the raw frames. */
  #recount(): void {
    const { layers, tokensPerFrame } = this.layout;
    const found = new Map<number, { kind: RawFrame["kind"]; slots: Uint32Array[] }>();
    for (let layer = 0; layer < layers; layer++) {
      this.#lowest[layer] = 0;
      this.#used[layer] = 0;
      for (let slot = 0; slot < this.#capacity; slot++) {
        const at = this.at(layer, slot);
        const kind = this.#facts.kind[at];
        if (kind === SlotKind.empty) continue;
        this.#used[layer] = this.used(layer) + 1;
        if (kind !== SlotKind.sink && kind !== SlotKind.raw) continue;
        const number = this.#facts.position[at] ?? 0;
        const frame = found.get(number) ?? {
          kind,
          slots: Array.from({ length: layers }, () => new Uint32Array(tokensPerFrame)),
        };
        const slots = frame.slots[layer];
        if (slots !== undefined) slots[this.#facts.token[at] ?? 0] = slot;
        found.set(number, frame);
      }
    }
    this.#frames = [...found.entries()]
      .sort(([a], [b]) => a - b)
      .map(([frame, { kind, slots }]) => ({ frame, kind, slots }));
  }
}

interface SlotFact {
  readonly position: number;
  readonly count: number;
  readonly token: number;
  readonly kind: SlotKind;
}
