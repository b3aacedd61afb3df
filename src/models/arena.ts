/** The sizes of what a generation allocates, as its package's manifest states them. */

import type { CacheLayout } from "../cache/layout.ts";
import type { CacheBounds } from "../cache/policy.ts";
import type { HistoryShape } from "./history.ts";
import type { Manifest } from "./manifest.ts";
import { modelSizes } from "./signatures.ts";

/** The cache's layout: room for the package's sinks and its whole window. */
export function cacheLayout({ cache }: Manifest): CacheLayout {
  const { layers, heads, headDim, tokensPerFrame, position } = cache;
  return {
    layers,
    heads,
    headDim,
    tokensPerFrame,
    frames: cache.sinkFrames + cache.windowFrames,
    rotaryDim: position.rotaryDim,
    theta: position.theta,
  };
}

/** What a session may choose to keep. */
export const cacheBounds = ({ cache, lanes }: Manifest): CacheBounds => ({
  framesPerBlock: lanes.video.framesPerBlock,
  windowFrames: cache.windowFrames,
  sinkFrames: cache.sinkFrames,
});

/** The history's shape. */
export function historyShape(manifest: Manifest): HistoryShape {
  const { framesPerBlock, previousFrames, latent, controls } = modelSizes(manifest);
  const [channels, height, width] = latent;
  return { framesPerBlock, previousFrames, frameLength: channels * height * width, controls };
}
