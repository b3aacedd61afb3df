import type { CacheLayout } from "./layout.ts";

/** Cosines and sines, one row of rotaryDim / 2 a token. */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * Rotary rows of every position a pass can use, made once.
 *
 * Positions are given out at the time of reading, so they stay below a bound however long a session lives.
 * Float32 throughout, as training computes them.
 */
export class RotaryRows {
  readonly #rows: readonly RotaryTables[];
  readonly #length: number;

  /** `positions`: how many there are. */
  constructor({ position }: CacheLayout, positions: number) {
    this.#length = position.rotaryDim / 2;
    this.#rows = Array.from({ length: positions }, (_, at) => rowAt(position, at));
  }

  /** Write position `position` to row `row` of `tables`. */
  write(tables: RotaryTables, row: number, position: number): void {
    const source = this.#rows[position];
    if (source === undefined) throw new RangeError(`position ${position} is outside the tables`);
    tables.cos.set(source.cos, row * this.#length);
    tables.sin.set(source.sin, row * this.#length);
  }
}

function rowAt({ rotaryDim, theta }: CacheLayout["position"], position: number): RotaryTables {
  const half = rotaryDim / 2;
  const angles = Float32Array.from({ length: half }, (_, i) => {
    const frequency = Math.fround(theta ** Math.fround(-i / half));
    return Math.fround(position * frequency);
  });
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}
