/** How a cache lies in memory. */

/** Shapes of a cache; one slot is one token, in every layer. */
export interface CacheLayout {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly tokensPerFrame: number;
  /** Frames the model was made to see raw: the first of a session, and the newest besides them. */
  readonly sinkFrames: number;
  readonly windowFrames: number;
  /** Slots of a layer: exactly `least` where that is `most`, else as many as are needed. */
  readonly slots: { readonly least: number; readonly most: number };
  readonly position: PositionScheme;
  /** Whether passes answer their queries, so that slots can be chosen by them. */
  readonly hasQueries: boolean;
}

/** How slots are numbered when they are read. */
interface PositionScheme {
  /**
   * `window`: raw frames count from 0, a pass's own follow, and memory stands where the window begins.
   * `clamped`: a pass's own frames stand at `windowFrames`, a cached frame as many before them as it is old, and
   * whatever is older than the window stands at 0.
   */
  readonly kind: "window" | "clamped";
  /** How many leading dims of each head turn with time; even. */
  readonly rotaryDim: number;
  readonly theta: number;
}

/** Rows of the keys (or values): one a layer and head, each of all slots. */
export const rowCount = ({ layers, heads }: CacheLayout): number => layers * heads;

/** Floats of the keys (or of the values) of one slot, all layers. */
export const floatsPerSlot = ({ layers, heads, headDim }: CacheLayout): number =>
  layers * heads * headDim;
