import type { CacheLayout } from "./layout.ts";

/** Cosines and sines, [tokens, rotaryDim / 2] each. */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * Rotary tables of every position a pass can use, one page of equal rows each, made once.
 *
 * Positions count cached frames from 0 at the time of reading, so they stay below a bound however long a
 * session lives. Float32 throughout, as training computes them.
 */
export class RotaryPages {
  readonly #pages: readonly RotaryTables[];
  readonly #pageLength: number;

  /** `positions`: how many there are. */
  constructor(layout: CacheLayout, positions: number) {
    this.#pageLength = (layout.tokensPerFrame * layout.rotaryDim) / 2;
    this.#pages = Array.from({ length: positions }, (_, position) => pageAt(layout, position));
  }

  /** Write position `position` to page `page` of `tables`. */
  write(tables: RotaryTables, page: number, position: number): void {
    const source = this.#pages[position];
    if (source === undefined) throw new RangeError(`position ${position} is outside the tables`);
    tables.cos.set(source.cos, page * this.#pageLength);
    tables.sin.set(source.sin, page * this.#pageLength);
  }
}

function pageAt({ tokensPerFrame, rotaryDim, theta }: CacheLayout, position: number): RotaryTables {
  const half = rotaryDim / 2;
  const cos = new Float32Array(tokensPerFrame * half);
  const sin = new Float32Array(tokensPerFrame * half);
  for (let i = 0; i < cos.length; i++) {
    const frequency = Math.fround(theta ** Math.fround(-(i % half) / half));
    const angle = Math.fround(position * frequency);
    cos[i] = Math.cos(angle);
    sin[i] = Math.sin(angle);
  }
  return { cos, sin };
}
