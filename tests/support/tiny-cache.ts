/** A cache small enough to look into: every float of a frame's keys says which frame it is. */

import { type CacheLayout, floatsPerSlot, slotCount } from "../../src/cache/layout.ts";
import { type CachePolicy, compose, sinks, window } from "../../src/cache/policy.ts";
import { RollingCache } from "../../src/cache/rolling-cache.ts";
import { HostStore, HostTokens } from "../../src/cache/store.ts";

export const LAYOUT: CacheLayout = {
  layers: 2,
  heads: 2,
  headDim: 4,
  tokensPerFrame: 3,
  frames: 6,
  rotaryDim: 2,
  theta: 10,
};

/** A cache whose keys can be read back as frame numbers. */
export class TinyCache {
  readonly cache: RollingCache;
  readonly store: HostStore;
  readonly layout: CacheLayout;

  constructor(policy: CachePolicy, layout = LAYOUT) {
    this.layout = layout;
    this.store = new HostStore(layout);
    this.cache = new RollingCache({ layout, store: this.store, policy, ownFrames: 4 });
  }

  /** Commit `frames` frames, of `brought` that the pass made; keys hold frame numbers, values their negatives. */
  async commit(frames: number, brought = frames): Promise<void> {
    const { layers, heads, headDim, tokensPerFrame } = this.layout;
    const tokens = brought * tokensPerFrame;
    const fresh = new HostTokens(this.store, tokens);
    for (let i = 0; i < layers * heads * tokens * headDim; i++) {
      const token = Math.floor(i / headDim) % tokens;
      const frame = this.cache.committed + Math.floor(token / tokensPerFrame);
      fresh.key[i] = frame;
      fresh.value[i] = -frame;
    }
    await this.cache.commit(fresh, frames);
  }

  /** Frames held, in the order of the positions their slots are read at; throws where slots disagree. */
  frames(): number[] {
    const { tokensPerFrame, frames, rotaryDim } = this.layout;
    const byPosition = new Map<number, number>();
    for (let page = 0; page < frames; page++) {
      const first = page * tokensPerFrame;
      if ((this.cache.tables.bias[first] ?? 0) < 0) continue;
      const angle = Math.atan2(
        this.cache.tables.sin[(first * rotaryDim) / 2] ?? 0,
        this.cache.tables.cos[(first * rotaryDim) / 2] ?? 0,
      );
      const position = Math.round(angle < -1e-6 ? angle + 2 * Math.PI : angle);
      byPosition.set(position, this.#frameIn(page));
    }
    return [...byPosition.entries()].sort(([a], [b]) => a - b).map(([, frame]) => frame);
  }

  /** The frame number that every key of a page holds. */
  #frameIn(page: number): number {
    const { headDim, tokensPerFrame } = this.layout;
    const slots = slotCount(this.layout);
    const rows = (slots * floatsPerSlot(this.layout)) / (slots * headDim);
    const seen = new Set<number>();
    for (let row = 0; row < rows; row++) {
      const from = (row * slots + page * tokensPerFrame) * headDim;
      const to = from + tokensPerFrame * headDim;
      for (const key of this.store.key.subarray(from, to)) seen.add(key);
      for (const value of this.store.value.subarray(from, to)) seen.add(-value);
    }
    const [frame = Number.NaN, ...others] = seen;
    if (others.length > 0) throw new Error(`page ${page} mixes frames ${[...seen].join()}`);
    return frame;
  }
}

/** Sinks and a window, without bounds. */
export const windowed = (sinkFrames: number, windowFrames: number): CachePolicy =>
  compose(sinks(sinkFrames), window(windowFrames));
