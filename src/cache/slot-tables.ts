import type { RotaryTables } from "./rotary.ts";

/** Added to the attention scores of an empty slot; its weight is then exactly 0 in float32. */
export const EMPTY_BIAS = -1e4;

/**
 * What a pass must know of the cached slots besides their keys and values. Read in place.
 *
 * Shapes: `bias` [layers, slots]; `cos`, `sin` [layers, slots, rotaryDim / 2].
 */
export interface SlotTables extends RotaryTables {
  readonly bias: Float32Array;
}
