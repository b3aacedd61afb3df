/** The sizes of what a generation allocates, as its package's manifest states them. */

import { type CacheAllowance, type CacheChoice, possiblePolicies } from "../cache/choice.ts";
import type { CacheLayout } from "../cache/layout.ts";
import type { ModelCache } from "./contract.ts";
import type { HistoryShape } from "./history.ts";
import type { Manifest } from "./manifest.ts";
import { modelSizes } from "./signatures.ts";

/** The cache's layout: room for the package's sinks and its whole window, and for as much more as it allows. */
export function cacheLayout({ cache }: Manifest): CacheLayout {
  const { layers, heads, headDim, tokensPerFrame, sinkFrames, windowFrames, position } = cache;
  const raw = (sinkFrames + windowFrames) * tokensPerFrame;
  return {
    layers,
    heads,
    headDim,
    tokensPerFrame,
    sinkFrames,
    windowFrames,
    slots: { least: raw, most: cache.mostSlots ?? raw },
    position: {
      kind: position.scheme,
      rotaryDim: position.rotaryDim,
      theta: position.theta,
    },
    hasQueries: cache.queries ?? false,
  };
}

/** Frames that are folded into one where the package does not say. */
const DEFAULT_GROUP_FRAMES = 4;

/** What sessions of a package may choose; `isHost` where keys and values lie in the engine's own memory. */
export function modelCache(manifest: Manifest, isHost: boolean): ModelCache {
  const { cache, graphs, lanes } = manifest;
  const { slots } = cacheLayout(manifest);
  const allowance: CacheAllowance = {
    framesPerBlock: lanes.video.framesPerBlock,
    tokensPerFrame: cache.tokensPerFrame,
    windowFrames: cache.windowFrames,
    sinkFrames: cache.sinkFrames,
    mostSlots: isHost ? slots.most : slots.least,
    groupFrames: cache.groupFrames ?? DEFAULT_GROUP_FRAMES,
    compressors: [
      ...(graphs.compressor === undefined ? [] : (["temporal"] as const)),
      ...(graphs.compressorRaster === undefined ? [] : (["raster"] as const)),
    ],
    isState: cache.kind === "state",
    isHost,
    hashes: isHost && cache.queries === true,
  };
  const initial = defaultChoice(manifest);
  return possiblePolicies(allowance).includes(initial.policy)
    ? { allowance, initial }
    : { allowance, initial: { ...initial, policy: "window" } };
}

/** What a package's sessions keep unless they choose otherwise. */
function defaultChoice({ cache }: Manifest): CacheChoice {
  const { sinkFrames, windowFrames, policy, kind } = cache;
  if (kind === "state") return { policy: "state", sinkFrames, windowFrames };
  const { name = "window", ...rest } = policy ?? {};
  return { policy: name, sinkFrames, windowFrames, ...rest };
}

/** The history's shape. */
export function historyShape(manifest: Manifest): HistoryShape {
  const { framesPerBlock, previousFrames, latent, controls } = modelSizes(manifest);
  const [channels, height, width] = latent;
  return {
    framesPerBlock,
    previousFrames,
    frameLength: channels * height * width,
    controls,
    speech: manifest.lanes.speech?.features ?? 0,
    reference: manifest.conditioning.reference === true,
  };
}
