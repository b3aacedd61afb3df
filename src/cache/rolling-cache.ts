import { as } from "../core/units.ts";
import { bytesPerSlot, type CacheLayout, slotCount } from "./layout.ts";
import type { CachePolicy, CacheReport } from "./policy.ts";
import { CacheRecord, SlotKind } from "./record.ts";
import { RotaryPages, type RotaryTables } from "./rotary.ts";
import type { FreshTokens, KeyValueStore } from "./store.ts";

/** Added to the attention scores of an empty slot; its weight is then exactly 0 in float32. */
export const EMPTY_BIAS = -1e4;

/**
 * What a pass must know of the cached slots besides their keys and values. The arrays keep their identity for
 * the cache's life and are read in place.
 *
 * Shapes: `bias` [slots]; `cos`, `sin` [slots, rotaryDim / 2].
 */
export interface SlotTables extends RotaryTables {
  readonly bias: Float32Array;
}

/** What a cache is made of. */
export interface CacheParts {
  readonly layout: CacheLayout;
  readonly store: KeyValueStore;
  readonly policy: CachePolicy;
  /** The most frames of its own a pass brings. */
  readonly ownFrames: number;
}

/**
 * The rolling cache of one generation: read by every pass, written once per block.
 *
 * Cached frames are numbered from 0 when they are read, sinks first, and a pass's own frames follow, so a
 * million frames need no position that a hundred do not. Keys are kept un-rotated for that.
 */
export class RollingCache {
  readonly record: CacheRecord;
  readonly store: KeyValueStore;
  readonly tables: SlotTables;
  readonly #rotary: RotaryPages;
  #policy: CachePolicy;
  #committed = 0;

  constructor({ layout, store, policy, ownFrames }: CacheParts) {
    const slots = slotCount(layout);
    const half = layout.rotaryDim / 2;
    this.record = new CacheRecord(layout);
    this.store = store;
    this.tables = {
      bias: new Float32Array(slots),
      cos: new Float32Array(slots * half),
      sin: new Float32Array(slots * half),
    };
    this.#rotary = new RotaryPages(layout, layout.frames + ownFrames);
    this.#policy = policy;
    this.#number();
  }

  /** Frames held. */
  get frames(): number {
    return this.record.held.length;
  }

  /** Frames committed since the beginning. */
  get committed(): number {
    return this.#committed;
  }

  get report(): CacheReport {
    const { layout } = this.record;
    const slots = this.frames * layout.tokensPerFrame;
    return {
      policy: this.#policy.name,
      bytes: as(slots * bytesPerSlot(layout)),
      slots,
      capacity: slotCount(layout),
    };
  }

  /** Write the rotary tables of a pass's own `frames` frames, which come right after the cached ones. */
  writeOwnTables(tables: RotaryTables, frames: number): void {
    for (let i = 0; i < frames; i++) this.#rotary.write(tables, i, this.frames + i);
  }

  /**
   * Add the first `frames` frames of `fresh`, evicting what the policy says.
   *
   * @throws {StreamError} `cache_overflow` when the policy makes too little room; nothing is written then.
   */
  async commit(fresh: FreshTokens, frames: number): Promise<void> {
    const kinds = Array.from({ length: frames }, (_, i) => this.#kindOf(this.#committed + i));
    this.#policy.makeRoom(this.record, kinds);
    this.record.requireRoom(frames);
    const placements = kinds.map((kind, index) => ({
      page: this.record.take(this.#committed + index, kind),
      index,
    }));
    await fresh.writeTo(placements);
    this.#committed += frames;
    this.#number();
  }

  /** Keep by another policy from now on; what it would not have kept leaves at once. */
  configure(policy: CachePolicy): void {
    this.#policy = policy;
    for (const page of this.record.held) {
      this.record.mark(page, this.#kindOf(this.record.frameOf(page)));
    }
    policy.makeRoom(this.record, []);
    this.#number();
  }

  /** Forget everything and count frames from 0 again. */
  clear(): void {
    this.record.hold([]);
    this.store.clear();
    this.resume(0);
  }

  /** Go on after `committed` frames from a record and a store that were just written from outside. */
  resume(committed: number): void {
    this.#committed = committed;
    this.#number();
  }

  #kindOf(frame: number): SlotKind {
    return this.#policy.kindOf(frame) ?? SlotKind.raw;
  }

  /** Give every held page its place among the cached frames, and every slot its bias. */
  #number(): void {
    const { tokensPerFrame } = this.record.layout;
    this.tables.bias.fill(EMPTY_BIAS);
    for (const [position, page] of this.record.held.entries()) {
      this.#rotary.write(this.tables, page, position);
      for (let slot = page * tokensPerFrame; slot < (page + 1) * tokensPerFrame; slot++) {
        this.tables.bias[slot] = Math.log(this.record.count[slot] ?? 1);
      }
    }
  }
}
