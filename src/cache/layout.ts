/** How a cache lies in memory. */

/** Shapes of a cache; one page is one frame's tokens, one slot one token. */
export interface CacheLayout {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly tokensPerFrame: number;
  /** Frames there is room for: sinks and window. */
  readonly frames: number;
  /** How many leading dims of each head turn with time; even. */
  readonly rotaryDim: number;
  readonly theta: number;
}

/** Slots of the whole cache. */
export const slotCount = (layout: CacheLayout): number => layout.frames * layout.tokensPerFrame;

/** Floats of the keys (or of the values) of one slot, all layers. */
export const floatsPerSlot = ({ layers, heads, headDim }: CacheLayout): number =>
  layers * heads * headDim;

/** Bytes of the keys and values of one slot, all layers. */
export const bytesPerSlot = (layout: CacheLayout): number =>
  2 * Float32Array.BYTES_PER_ELEMENT * floatsPerSlot(layout);
