/** The ways to keep the past that are compared, all with the same window and the same slots of memory. */

import type { CacheChoice } from "../../src/models/model.ts";

/** One way, by the name its figures carry. */
export interface Arm {
  readonly name: string;
  readonly choice: CacheChoice;
}

/** Every arm; `memorySlots` in each layer, `full` besides. */
export function armsOf(
  { windowFrames, sinkFrames }: { readonly windowFrames: number; readonly sinkFrames: number },
  memorySlots: number,
  threshold: number,
): readonly Arm[] {
  const raw = { windowFrames, sinkFrames };
  const memory = { ...raw, memorySlots };
  const temp = { ...memory, policy: "tempcache", threshold } as const;
  const conv = { ...memory, policy: "convkv" } as const;
  return [
    { name: "full", choice: { ...raw, policy: "full" } },
    { name: "truncate", choice: { ...memory, policy: "thin", every: 1 } },
    { name: "random_drop", choice: { ...memory, policy: "random" } },
    { name: "thin", choice: { ...memory, policy: "thin", every: 8 } },
    { name: "pool", choice: { ...memory, policy: "pool" } },
    { name: "tempcache", choice: temp },
    { name: "tempcache_by_head", choice: { ...temp, match: "head" } },
    { name: "tempcache_without_log_m", choice: { ...temp, ablation: "count" } },
    { name: "tempcache_mean_key", choice: { ...temp, ablation: "key" } },
    { name: "tempcache_last_value", choice: { ...temp, ablation: "value" } },
    { name: "convkv_mean_temporal", choice: { ...conv, kernel: "mean" } },
    { name: "convkv_mean_raster", choice: { ...conv, kernel: "mean", grouping: "raster" } },
    { name: "convkv_learned_temporal", choice: { ...conv, kernel: "learned" } },
    { name: "convkv_learned_raster", choice: { ...conv, kernel: "learned", grouping: "raster" } },
    { name: "tempcache_float16", choice: { ...temp, storage: "float16" } },
    { name: "tempcache_int8", choice: { ...temp, storage: "int8" } },
    { name: "tempcache_int4", choice: { ...temp, storage: "int4" } },
  ];
}
