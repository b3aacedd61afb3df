/** The sizes of what a generation allocates, as its package's manifest states them. */

import type { CacheChoice } from "../cache/choice.ts";
import type { CacheLayout } from "../cache/layout.ts";
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
  };
}

/** What a package's sessions keep unless they choose otherwise. */
export function defaultChoice({ cache }: Manifest): CacheChoice {
  const { sinkFrames, windowFrames, policy } = cache;
  const { name = "window", ...rest } = policy ?? {};
  return { policy: name, sinkFrames, windowFrames, ...rest };
}

/** The history's shape. */
export function historyShape(manifest: Manifest): HistoryShape {
  const { framesPerBlock, previousFrames, latent, controls } = modelSizes(manifest);
  const [channels, height, width] = latent;
  return { framesPerBlock, previousFrames, frameLength: channels * height * width, controls };
}
