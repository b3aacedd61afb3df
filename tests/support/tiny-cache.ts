/** A cache small enough to look into: every float of a frame's keys says which frame it is. */

import { type CacheLayout, rowCount } from "../../src/cache/layout.ts";
import { type CachePolicy, compose, type Memory, sinks, window } from "../../src/cache/policy.ts";
import { SlotKind } from "../../src/cache/record.ts";
import { RollingCache } from "../../src/cache/rolling-cache.ts";
import { HostStore, HostTokens } from "../../src/cache/store.ts";

export const LAYOUT: CacheLayout = {
  layers: 2,
  heads: 2,
  headDim: 4,
  tokensPerFrame: 3,
  sinkFrames: 2,
  windowFrames: 4,
  slots: { least: 18, most: 18 },
  position: { kind: "window", rotaryDim: 2, theta: 10 },
  hasQueries: false,
};

/** The same with as many slots as are needed, whatever is older than the window at position 0. */
export const OPEN_LAYOUT: CacheLayout = {
  ...LAYOUT,
  slots: { least: 18, most: 3000 },
  position: { ...LAYOUT.position, kind: "clamped" },
};

/** What a token of a frame is made of: the floats of its key and of its value. */
export type TokenFloats = (frame: number, token: number) => readonly [key: number, value: number];

/** Keys hold frame numbers, values their negatives. */
const numbered: TokenFloats = (frame) => [frame, -frame];

/** A cache whose keys can be read back as frame numbers. */
export class TinyCache {
  readonly cache: RollingCache;
  readonly store: HostStore;
  readonly layout: CacheLayout;

  constructor(policy: CachePolicy, layout = LAYOUT) {
    this.layout = layout;
    this.store = new HostStore(layout, layout.slots.least);
    this.cache = new RollingCache({ layout, store: this.store, policy, ownFrames: 4 });
  }

  /** Commit `frames` frames, of `brought` that the pass made. */
  async commit(frames: number, brought = frames, floats = numbered): Promise<void> {
    const { headDim, tokensPerFrame } = this.layout;
    const tokens = brought * tokensPerFrame;
    const fresh = new HostTokens(this.store, tokens);
    for (let i = 0; i < rowCount(this.layout) * tokens * headDim; i++) {
      const token = Math.floor(i / headDim) % tokens;
      const frame = this.cache.committed + Math.floor(token / tokensPerFrame);
      const [key, value] = floats(frame, token % tokensPerFrame);
      fresh.key[i] = key;
      fresh.value[i] = value;
    }
    await this.cache.commit(fresh, frames);
  }

  /** Frames held raw, in the order of the positions their slots are read at; throws where slots disagree. */
  frames(): number[] {
    const byPosition = new Map<number, number>();
    for (const { frame, slots } of this.cache.record.frames) {
      const positions = slots.flatMap((own, layer) =>
        [...own].map((slot) => this.positionOf(layer, slot)),
      );
      const [position = Number.NaN, ...others] = new Set(positions);
      if (others.length > 0) throw new Error(`frame ${frame} is read at ${positions.join()}`);
      if (byPosition.has(position)) throw new Error(`two frames are read at ${position}`);
      byPosition.set(position, this.#frameIn(slots));
    }
    return [...byPosition.entries()].sort(([a], [b]) => a - b).map(([, frame]) => frame);
  }

  /** The position a slot is read at. */
  positionOf(layer: number, slot: number): number {
    const { rotaryDim } = this.layout.position;
    const at = (this.cache.record.at(layer, slot) * rotaryDim) / 2;
    const { sin, cos } = this.cache.tables;
    const angle = Math.atan2(sin[at] ?? 0, cos[at] ?? 0);
    return Math.round(angle < -1e-6 ? angle + 2 * Math.PI : angle);
  }

  /** Slots of memory of a layer: what they stand for, and one float of their key and of their value. */
  memory(layer = 0): MemorySlot[] {
    const { record } = this.cache;
    return [...record.memorySlots(layer)].map((slot) => {
      const at = record.at(layer, slot);
      const float = this.store.at(layer * this.layout.heads, slot);
      return {
        kind: kindName(record.facts.kind[at] ?? 0),
        newest: record.facts.position[at] ?? 0,
        token: record.facts.token[at] ?? 0,
        count: record.facts.count[at] ?? 0,
        bias: this.cache.tables.bias[at] ?? 0,
        key: this.store.key[float] ?? 0,
        value: this.store.value[float] ?? 0,
      };
    });
  }

  /** The frame number that every key of some slots holds. */
  #frameIn(slots: readonly Uint32Array[]): number {
    const { heads } = this.layout;
    const seen = new Set<number>();
    for (const [layer, own] of slots.entries()) {
      for (let row = layer * heads; row < (layer + 1) * heads; row++) {
        for (const slot of own) {
          const [from, to] = [this.store.at(row, slot), this.store.at(row, slot + 1)];
          for (const key of this.store.key.subarray(from, to)) seen.add(key);
          for (const value of this.store.value.subarray(from, to)) seen.add(-value);
        }
      }
    }
    const [frame = Number.NaN, ...others] = seen;
    if (others.length > 0) throw new Error(`a frame mixes ${[...seen].join()}`);
    return frame;
  }
}

/** One slot of memory. */
export interface MemorySlot {
  readonly kind: string;
  readonly newest: number;
  readonly token: number;
  readonly count: number;
  readonly bias: number;
  readonly key: number;
  readonly value: number;
}

const kindName = (kind: number): string =>
  Object.entries(SlotKind).find(([, number]) => number === kind)?.[0] ?? "unknown";

/** Sinks and a window, without bounds. */
export const windowed = (sinkFrames: number, windowFrames: number, memory?: Memory): CachePolicy =>
  compose(sinks(sinkFrames), window(windowFrames, memory));
