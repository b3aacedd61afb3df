/** Compressors that need no training, and pooling in space. */

import type { Compressor, Grouping } from "./conv-kv.ts";
import type { CacheLayout } from "./layout.ts";
import type { Memory } from "./policy.ts";
import { SlotKind } from "./record.ts";
import type { KeysAndValues } from "./store.ts";
import { freeOldest } from "./temp-cache.ts";
import { blend } from "./vectors.ts";

/** The mean of each group: what a learned compressor begins as. */
export function meanCompressor(
  { layers, heads, headDim, tokensPerFrame }: CacheLayout,
  grouping: Grouping,
  groupFrames: number,
): Compressor {
  const rows = layers * heads;
  const out = rows * tokensPerFrame * headDim;
  const folded = { key: new Float32Array(out), value: new Float32Array(out) };
  const stride = grouping === "temporal" ? tokensPerFrame : 1;
  const firstOf = (token: number): number =>
    grouping === "temporal" ? token : token * groupFrames;
  const fold = (from: Float32Array, to: Float32Array): void => {
    to.fill(0);
    for (let row = 0; row < rows; row++) {
      for (let token = 0; token < tokensPerFrame; token++) {
        const at = (row * tokensPerFrame + token) * headDim;
        for (let i = 0; i < groupFrames; i++) {
          const source = row * groupFrames * tokensPerFrame + firstOf(token) + i * stride;
          for (let dim = 0; dim < headDim; dim++) {
            to[at + dim] = (to[at + dim] ?? 0) + (from[source * headDim + dim] ?? 0) / groupFrames;
          }
        }
      }
    }
  };
  return {
    name: "mean",
    grouping,
    groupFrames,
    compress: ({ key, value }: KeysAndValues) => {
      fold(key, folded.key);
      fold(value, folded.value);
      return Promise.resolve(folded);
    },
  };
}

/**
 * Far frames at a coarser rate: squares of `side` by `side` tokens become one, at most `slots` in each layer.
 *
 * Source: FAR (arXiv:2503.19325), whose far frames have few tokens; there they are made by a projection of
 * their own, here by a mean, so that any model can be asked to. Frames are square grids of tokens.
 */
export const pool = (slots: number, side: number): Memory => ({
  name: `pool ${side}x${side} ${slots}`,
  slots,
  waiting: 0,
  take: (leaving, { record, store, ...space }) => {
    if (store === undefined) throw new TypeError("pooling needs the floats in this process");
    const across = Math.sqrt(record.layout.tokensPerFrame);
    for (const frame of leaving) {
      record.dissolve(frame);
      for (const [layer, own] of frame.slots.entries()) {
        const counts = new Map<number, number>();
        for (const [token, from] of own.entries()) {
          const row = Math.floor(token / across);
          const first =
            (row - (row % side)) * across + ((token % across) - ((token % across) % side));
          const to = own[first] ?? from;
          const count = counts.get(to) ?? 0;
          counts.set(to, count + 1);
          if (count === 0) continue;
          blend(store, "key", { layer, from, to }, 1 / (count + 1));
          space.tally.add(blend(store, "value", { layer, from, to }, 1 / (count + 1)), 1);
          record.free(layer, from);
        }
        for (const [slot, count] of counts) {
          store.wrote(layer, slot);
          record.settle(layer, slot, { kind: SlotKind.compressed, count });
        }
        freeOldest({ record, store, ...space }, layer, slots);
      }
    }
  },
});
