/**
 * Standard normals as a pure function of where they are used: Philox4x32-10 and Box-Muller.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The training code draws the
 * same numbers (training/zoetrope_training/noise.py).
 */

/** Where noise is used. All whole numbers; `seed` below 2^53, the rest taken modulo 2^32. */
export interface NoiseKey {
  readonly seed: number;
  readonly block: number;
  /** 0 is a block's first noise. */
  readonly step: number;
  /** 0 is video. */
  readonly lane: number;
}

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_STEP_0 = 0x9e3779b9;
const KEY_STEP_1 = 0xbb67ae85;
const ROUNDS = 10;
const WORDS = 4;
const TWO_32 = 2 ** 32;

/**
 * Draw the 32-bit words behind normals, four from each counter (group, block, step, lane).
 *
 * Shapes: fills `out`, whose length is a multiple of 4.
 */
export function drawWords(out: Uint32Array, key: NoiseKey): void {
  for (let group = 0; group * WORDS < out.length; group++) {
    philox(out, group * WORDS, group, key);
  }
}

/** Fill `out` with standard normals in order. */
export function drawNormals(out: Float32Array, key: NoiseKey): void {
  const words = new Uint32Array(WORDS);
  for (let i = 0; i < out.length; i += 2) {
    const pair = i % WORDS;
    if (pair === 0) philox(words, 0, i / WORDS, key);
    const radius = Math.sqrt(-2 * Math.log(((words[pair] ?? 0) + 1) / TWO_32));
    const angle = 2 * Math.PI * ((words[pair + 1] ?? 0) / TWO_32);
    out[i] = radius * Math.cos(angle);
    // Beyond the end of an odd length, this writes nothing.
    out[i + 1] = radius * Math.sin(angle);
  }
}

/** Philox4x32-10 of one counter, written to `out[at..at + 4]`. */
function philox(out: Uint32Array, at: number, group: number, key: NoiseKey): void {
  let c0 = group >>> 0;
  let c1 = key.block >>> 0;
  let c2 = key.step >>> 0;
  let c3 = key.lane >>> 0;
  let key0 = key.seed >>> 0;
  let key1 = Math.floor(key.seed / TWO_32) >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ key0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ key1) >>> 0;
    c3 = low0;
    key0 = (key0 + KEY_STEP_0) >>> 0;
    key1 = (key1 + KEY_STEP_1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The high half of the product of two unsigned 32-bit numbers, by 16-bit parts. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const low = aLow * bLow;
  // Each sum stays below 2^32.
  const middle = aHigh * bLow + (low >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) >>> 0;
}
