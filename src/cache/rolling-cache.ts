import { as } from "../core/units.ts";
import { bytesPerSlot, type CacheLayout, slotCount } from "./layout.ts";
import type { CachePolicy, CacheReport } from "./policy.ts";
import { CacheRecord, type KeysAndValues, SlotKind } from "./record.ts";
import { RotaryPages, type RotaryTables } from "./rotary.ts";

/** Added to the attention scores of an empty slot; its weight is then exactly 0 in float32. */
export const EMPTY_BIAS = -1e4;

/**
 * The cache as a graph takes it. The arrays keep their identity for the cache's life and are read in place.
 *
 * Shapes: `key`, `value` [layers, heads, slots, headDim]; `bias` [slots]; `cos`, `sin` [slots, rotaryDim / 2].
 */
export interface CacheView extends RotaryTables {
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly bias: Float32Array;
}

/**
 * The rolling cache of one generation: read by every pass, written once per block.
 *
 * Cached frames are numbered from 0 when they are read, sinks first, and a pass's own frames follow, so a
 * million frames need no position that a hundred do not. Keys are kept un-rotated for that.
 */
export class RollingCache {
  readonly view: CacheView;
  readonly record: CacheRecord;
  readonly #rotary: RotaryPages;
  #policy: CachePolicy;
  #nextFrame = 0;

  /** `ownFrames`: the most frames of its own a pass brings. */
  constructor(layout: CacheLayout, policy: CachePolicy, ownFrames: number) {
    const slots = slotCount(layout);
    const half = layout.rotaryDim / 2;
    this.record = new CacheRecord(layout);
    this.#rotary = new RotaryPages(layout, layout.frames + ownFrames);
    this.#policy = policy;
    this.view = {
      key: this.record.key,
      value: this.record.value,
      bias: new Float32Array(slots),
      cos: new Float32Array(slots * half),
      sin: new Float32Array(slots * half),
    };
    this.#number();
  }

  /** Frames held. */
  get frames(): number {
    return this.record.held.length;
  }

  /** Frames committed since the beginning. */
  get committed(): number {
    return this.#nextFrame;
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
  commit(fresh: KeysAndValues, frames: number): void {
    const kinds = Array.from({ length: frames }, (_, i) => this.#kindOf(this.#nextFrame + i));
    this.#policy.makeRoom(this.record, kinds);
    this.record.requireRoom(frames);
    for (const [i, kind] of kinds.entries()) {
      const page = this.record.take(this.#nextFrame + i, kind);
      this.record.write(page, fresh, i);
    }
    this.#nextFrame += frames;
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
    this.record.clear();
    this.#nextFrame = 0;
    this.#number();
  }

  /** Go on from a record that was just written from outside, after `committed` frames. */
  resume(committed: number): void {
    this.#nextFrame = committed;
    this.#number();
  }

  #kindOf(frame: number): SlotKind {
    return this.#policy.kindOf(frame) ?? SlotKind.raw;
  }

  /** Give every held page its place among the cached frames, and every slot its bias. */
  #number(): void {
    const { tokensPerFrame } = this.record.layout;
    this.view.bias.fill(EMPTY_BIAS);
    for (const [position, page] of this.record.held.entries()) {
      this.#rotary.write(this.view, page, position);
      for (let slot = page * tokensPerFrame; slot < (page + 1) * tokensPerFrame; slot++) {
        this.view.bias[slot] = Math.log(this.record.count[slot] ?? 1);
      }
    }
  }
}
