import type { Compressor, Grouping } from "../cache/conv-kv.ts";
import { floatsPerSlot } from "../cache/layout.ts";
import type { KeysAndValues } from "../cache/store.ts";
import { cacheLayout } from "./arena.ts";
import type { Manifest } from "./manifest.ts";
import type { GraphSet } from "./world-model.ts";

const ROLES = { temporal: "compressor", raster: "compressorRaster" } as const;

/** The compressor that a package brings for a grouping; undefined where it brings none. */
export function learnedCompressor(
  manifest: Manifest,
  graphs: GraphSet,
  grouping: Grouping,
): Compressor | undefined {
  const { groupFrames } = manifest.cache;
  const role = ROLES[grouping];
  if (groupFrames === undefined || manifest.graphs[role] === undefined) return undefined;
  const tokens = manifest.cache.tokensPerFrame;
  const group = keysAndValues(manifest, groupFrames * tokens);
  const folded = keysAndValues(manifest, tokens);
  const inputs = { group_key: group.key, group_value: group.value };
  const graph = graphs(role).bind(inputs, { ...folded });
  return {
    name: "learned",
    grouping,
    groupFrames,
    compress: async ({ key, value }) => {
      group.key.set(key);
      group.value.set(value);
      await graph.run();
      return folded;
    },
  };
}

const keysAndValues = (manifest: Manifest, tokens: number): KeysAndValues => {
  const floats = tokens * floatsPerSlot(cacheLayout(manifest));
  return { key: new Float32Array(floats), value: new Float32Array(floats) };
};
