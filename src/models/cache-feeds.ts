import type { KeysAndValues } from "../cache/record.ts";
import type { RollingCache } from "../cache/rolling-cache.ts";
import type { RotaryTables } from "../cache/rotary.ts";
import type { Buffers } from "./graph.ts";
import type { Manifest } from "./manifest.ts";
import { modelSizes } from "./signatures.ts";

/** One kind of pass against the cache: its feeds, and where its own keys and values come out. */
export interface CachePass {
  readonly inputs: Buffers;
  readonly outputs: Buffers;
  readonly fresh: KeysAndValues;
  /** Number the pass's own frames after what the cache holds now. */
  place(): void;
}

/** Buffers of a pass over `frames` frames; the cache itself is read in place. */
export function cachePass(manifest: Manifest, cache: RollingCache, frames: number): CachePass {
  const { layers, heads, headDim } = manifest.cache;
  const { tokensPerFrame, rotaryHalf } = modelSizes(manifest);
  const tokens = frames * tokensPerFrame;
  const floats = layers * heads * tokens * headDim;
  const fresh = { key: new Float32Array(floats), value: new Float32Array(floats), tokens };
  const own: RotaryTables = {
    cos: new Float32Array(tokens * rotaryHalf),
    sin: new Float32Array(tokens * rotaryHalf),
  };
  return {
    inputs: {
      cache_key: cache.view.key,
      cache_value: cache.view.value,
      cache_bias: cache.view.bias,
      cache_cos: cache.view.cos,
      cache_sin: cache.view.sin,
      query_cos: own.cos,
      query_sin: own.sin,
    },
    outputs: { key: fresh.key, value: fresh.value },
    fresh,
    place: () => cache.writeOwnTables(own, frames),
  };
}
