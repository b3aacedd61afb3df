import { as } from "../core/units.ts";
import { HashedAttention } from "./hashed-attention.ts";
import { type CacheInspection, inspect } from "./inspection.ts";
import type { CacheLayout } from "./layout.ts";
import { type CachePolicy, type CacheSpace, CacheTally } from "./policy.ts";
import { CacheRecord, type RawFrame, SlotKind } from "./record.ts";
import type { CacheReport } from "./report.ts";
import { RotaryRows, type RotaryTables } from "./rotary.ts";
import { EMPTY_BIAS, type SlotTables } from "./slot-tables.ts";
import { codecOf, type StorageName } from "./storage.ts";
import type { FreshTokens, KeyValueStore } from "./store.ts";

/** What a cache is made of. */
export interface CacheParts {
  readonly layout: CacheLayout;
  readonly store: KeyValueStore;
  readonly policy: CachePolicy;
  /** The most frames of its own a pass brings. */
  readonly ownFrames: number;
}

/** Frames' worth of slots that a cache grows by, at least. */
const GROWTH_FRAMES = 8;
/** Share of what it has that a large cache grows by, so that copying stays a small part of filling it. */
const GROWTH_SHARE = 1 / 8;

/**
 * The rolling cache of one generation: read by every pass, written once per block.
 *
 * Positions are given out when slots are read, so a million frames need none that a hundred do not. Keys are kept
 * un-rotated for that.
 */
export class RollingCache {
  readonly layout: CacheLayout;
  readonly record: CacheRecord;
  readonly store: KeyValueStore;
  readonly #rotary: RotaryRows;
  readonly #tally = new CacheTally();
  /** Slots of memory, as indices among the facts, that are younger than the window: their positions still fall. */
  readonly #young = new Set<number>();
  #tables: SlotTables;
  #policy: CachePolicy;
  #storage: StorageName = "float32";
  #committed = 0;
  #attention: HashedAttention | undefined;

  constructor({ layout, store, policy, ownFrames }: CacheParts) {
    this.layout = layout;
    this.record = new CacheRecord(layout, store.capacity);
    this.store = store;
    this.#rotary = new RotaryRows(layout, this.#rawFrames + ownFrames);
    this.#policy = policy;
    this.#tables = this.#emptyTables();
    this.#numberAll();
  }

  /** The tables of the cached slots: the same ones for as long as the store's arrays are the same. */
  get tables(): SlotTables {
    return this.#tables;
  }

  /** What decides which slots a pass reads; undefined where passes read all. */
  get attention(): HashedAttention | undefined {
    return this.#attention;
  }

  /** Frames committed since the beginning. */
  get committed(): number {
    return this.#committed;
  }

  get report(): CacheReport {
    const { layers } = this.layout;
    const used = Array.from({ length: layers }, (_, layer) => this.record.used(layer));
    const slots = used.reduce((n, m) => n + m, 0);
    const storage = this.#storage === "float32" ? "" : ` in ${this.#storage}`;
    const attention = this.#attention === undefined ? "" : ", hashed";
    return {
      policy: `${this.#policy.name}${storage}${attention}`,
      bytes: as(slots * this.store.bytesPerSlot),
      slots: Math.round(slots / layers),
      capacity: this.record.capacity,
    };
  }

  /** What it holds, slot by slot in sums. */
  inspect(): CacheInspection {
    return inspect(this.record, this.#committed, this.#tally);
  }

  /** Write the rotary tables of a pass's own `frames` frames. */
  writeOwnTables(tables: RotaryTables, frames: number): void {
    this.#writeFrom(this.#ownPosition, tables, frames);
  }

  /** The same counted from where the memory stands. */
  writeDistances(tables: RotaryTables, frames: number): void {
    this.#writeFrom(this.#ownPosition - this.#oldestPosition, tables, frames);
  }

  /**
   * Let passes read the sinks, the newest `windowFrames` frames, and of all else what shares a bucket with a query;
   * or everything, when undefined.
   */
  hashBeyond(windowFrames: number | undefined): void {
    if (windowFrames === undefined) {
      this.#attention = undefined;
      return;
    }
    this.#attention ??= new HashedAttention(this);
    this.#attention.windowFrames = windowFrames;
  }

  /**
   * Add the first `frames` frames of `fresh`; the policy says what becomes of older ones.
   *
   * @throws {StreamError} `cache_overflow` when the policy makes too little room; nothing is written then.
   */
  async commit(fresh: FreshTokens, frames: number): Promise<void> {
    const kinds = Array.from({ length: frames }, (_, i) => this.#kindOf(this.#committed + i));
    await this.#policy.makeRoom(this.#space, kinds);
    if (!this.record.hasRoom(frames)) this.#grow(frames);
    this.record.requireRoom(frames);
    const placements = kinds.map((kind, index) => ({
      index,
      frame: this.record.enter(this.#committed + index, kind),
    }));
    await fresh.writeTo(placements);
    this.#committed += frames;
    this.#numberNewest(frames);
  }

  /** Keep by another policy, and in another storage, from now on; what it would not have kept leaves at once. */
  async configure(policy: CachePolicy, storage: StorageName = this.#storage): Promise<void> {
    this.#policy = policy;
    if (storage !== this.#storage) {
      this.store.host?.keepAs(codecOf(storage));
      this.#storage = storage;
      this.#tables = this.#emptyTables();
      this.#attention?.renew();
    }
    for (const frame of this.record.frames) {
      const kind = this.#kindOf(frame.frame);
      if (kind !== frame.kind) this.record.mark(frame, kind);
    }
    await policy.makeRoom(this.#space, []);
    this.#fit();
    this.#numberAll();
  }

  /** Forget everything but the sinks, if they are to stay. */
  forget({ keepSinks }: { readonly keepSinks: boolean }): void {
    if (!keepSinks) {
      this.clear();
      return;
    }
    for (const frame of this.record.window) this.record.release(frame);
    for (let layer = 0; layer < this.layout.layers; layer++) {
      for (const slot of [...this.record.memorySlots(layer)]) this.record.free(layer, slot);
    }
    this.#tally.clear();
    this.#numberAll();
  }

  /** Forget everything and count frames from 0 again. */
  clear(): void {
    this.record.clear();
    this.store.clear();
    this.resume(0);
  }

  /** Go on after `committed` frames from a record and a store that were just written from outside. */
  resume(committed: number): void {
    this.#committed = committed;
    this.#tally.clear();
    this.#attention?.clear();
    if (this.#tables.bias.length !== this.layout.layers * this.record.capacity) {
      this.#tables = this.#emptyTables();
    }
    this.#numberAll();
  }

  get #space(): CacheSpace {
    const { record, store } = this;
    return { record, store: store.host, committed: this.#committed, tally: this.#tally };
  }

  /** Frames that positions are given to, besides a pass's own. */
  get #rawFrames(): number {
    return this.layout.sinkFrames + this.layout.windowFrames;
  }

  get #sinks(): number {
    return this.record.frames.filter(({ kind }) => kind === SlotKind.sink).length;
  }

  get #ownPosition(): number {
    return this.layout.position.kind === "clamped"
      ? this.layout.windowFrames
      : Math.min(this.record.frames.length, this.#rawFrames);
  }

  /** Write the rows of `frames` frames from position `first` on. */
  #writeFrom(first: number, tables: RotaryTables, frames: number): void {
    const { tokensPerFrame } = this.layout;
    for (let row = 0; row < frames * tokensPerFrame; row++) {
      this.#rotary.write(tables, row, first + Math.floor(row / tokensPerFrame));
    }
  }

  #kindOf(frame: number): RawFrame["kind"] {
    return this.#policy.kindOf(frame) ?? SlotKind.raw;
  }

  /** Have as many slots as the policy needs, so that every pass costs the same from the first on. */
  #fit(): void {
    const { host } = this.store;
    const { layers, tokensPerFrame, slots } = this.layout;
    const needed = this.#policy.slots(tokensPerFrame);
    if (host === undefined || needed === undefined) return;
    const used = Array.from({ length: layers }, (_, layer) => this.record.used(layer));
    const capacity = Math.min(slots.most, Math.max(slots.least, needed, ...used));
    if (capacity < this.record.capacity) {
      this.record.compact(capacity, (layer, from, to) => host.move(layer, from, to));
    }
    this.#resize(capacity);
  }

  #resize(capacity: number): void {
    if (capacity === this.record.capacity) return;
    this.record.resize(capacity);
    this.store.resize(capacity);
    this.#tables = this.#emptyTables();
  }

  /** Have room for `frames` more frames, if there may be as many slots. */
  #grow(frames: number): void {
    const { host } = this.store;
    const { layers, tokensPerFrame, slots } = this.layout;
    const used = Array.from({ length: layers }, (_, layer) => this.record.used(layer));
    const needed = Math.max(...used) + frames * tokensPerFrame;
    if (host === undefined || needed > slots.most) return;
    const more = Math.max(GROWTH_FRAMES * tokensPerFrame, this.record.capacity * GROWTH_SHARE);
    const capacity = Math.min(slots.most, Math.max(needed, this.record.capacity + Math.ceil(more)));
    this.#resize(capacity);
    this.#numberAll();
  }

  #emptyTables(): SlotTables {
    const slots = this.layout.layers * this.record.capacity;
    const floats = (slots * this.layout.position.rotaryDim) / 2;
    return {
      bias: new Float32Array(slots),
      cos: new Float32Array(floats),
      sin: new Float32Array(floats),
    };
  }

  /** Give every slot its place and its bias. */
  #numberAll(): void {
    this.#tables.bias.fill(EMPTY_BIAS);
    this.#young.clear();
    for (const index of this.record.frames.keys()) this.#numberFrame(index);
    for (let layer = 0; layer < this.layout.layers; layer++) {
      for (const slot of this.record.memorySlots(layer)) {
        this.#numberMemory(this.record.at(layer, slot));
      }
    }
    this.record.takeTouched();
  }

  /** The same after `frames` frames entered: older ones than these have the place they had. */
  #numberNewest(frames: number): void {
    const changed = [...this.record.takeTouched(), ...this.#young];
    this.#young.clear();
    for (const at of changed) {
      const kind = this.record.facts.kind[at] ?? SlotKind.empty;
      if (kind === SlotKind.empty) this.#tables.bias[at] = EMPTY_BIAS;
      else if (kind > SlotKind.raw) this.#numberMemory(at);
    }
    const held = this.record.frames.length;
    for (let index = Math.max(0, held - this.#rawFrames - frames); index < held; index++) {
      this.#numberFrame(index);
    }
  }

  #numberFrame(index: number): void {
    const frame = this.record.frames[index];
    if (frame === undefined) return;
    const position = this.#positionOf(frame, index);
    for (const [layer, slots] of frame.slots.entries()) {
      for (const slot of slots) {
        const at = this.record.at(layer, slot);
        this.#rotary.write(this.#tables, at, position);
        this.#tables.bias[at] = 0;
      }
    }
  }

  #numberMemory(at: number): void {
    const position = this.#memoryPosition(this.record.facts.position[at] ?? 0);
    if (position > 0 && this.layout.position.kind === "clamped") this.#young.add(at);
    this.#rotary.write(this.#tables, at, position);
    const count = this.#policy.weighsCounts ? (this.record.facts.count[at] ?? 1) : 1;
    this.#tables.bias[at] = Math.log(count);
  }

  /** Position of memory whose newest token is of frame `frame`. */
  #memoryPosition(frame: number): number {
    return this.layout.position.kind === "clamped" ? this.#clamped(frame) : this.#sinks;
  }

  /** Position of memory that is older than the window. */
  get #oldestPosition(): number {
    return this.layout.position.kind === "clamped" ? 0 : this.#sinks;
  }

  #clamped(frame: number): number {
    return Math.max(0, this.layout.windowFrames - (this.#committed - frame));
  }

  /** Position of the raw frame at `index` of those held. */
  #positionOf({ frame, kind }: RawFrame, index: number): number {
    if (this.layout.position.kind === "clamped") {
      return kind === SlotKind.sink ? 0 : this.#clamped(frame);
    }
    const excess = Math.max(0, this.record.frames.length - this.#rawFrames);
    return kind === SlotKind.sink ? index : Math.max(this.#sinks, index - excess);
  }
}
