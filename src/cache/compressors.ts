/** Compressors that need no training. */

import type { Compressor, Grouping } from "./conv-kv.ts";
import type { CacheLayout } from "./layout.ts";
import type { KeysAndValues } from "./store.ts";

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
