/** How the vectors of a cache are kept between passes. */

import { fromHalf, toHalf } from "./float16.ts";
import type { CacheLayout } from "./layout.ts";

/** Names of the storages, from the most exact to the smallest. */
export const STORAGES = ["float32", "float16", "int8", "int4"] as const;
export type StorageName = (typeof STORAGES)[number];

/** Turns vectors of one head into bytes and back. */
export interface VectorCodec {
  /** Bytes of a vector of `dims` floats. */
  bytes(dims: number): number;
  encode(vector: Float32Array, code: Uint8Array): void;
  decode(code: Uint8Array, vector: Float32Array): void;
}

const HALF_BYTES = 2;

const putHalf = (code: Uint8Array, at: number, value: number): void => {
  const word = toHalf(value);
  code[at] = word & 0xff;
  code[at + 1] = word >>> 8;
};

const halfAt = (code: Uint8Array, at: number): number =>
  fromHalf((code[at] ?? 0) | ((code[at + 1] ?? 0) << 8));

const float16: VectorCodec = {
  bytes: (dims) => dims * HALF_BYTES,
  encode: (vector, code) => {
    for (const [dim, value] of vector.entries()) putHalf(code, dim * HALF_BYTES, value);
  },
  decode: (code, vector) => {
    for (let dim = 0; dim < vector.length; dim++) vector[dim] = halfAt(code, dim * HALF_BYTES);
  },
};

const INT8_LARGEST = 127;

/** One scale for each vector of a head, then a byte a dim. */
const int8: VectorCodec = {
  bytes: (dims) => HALF_BYTES + dims,
  encode: (vector, code) => {
    putHalf(code, 0, largestOf(vector) / INT8_LARGEST);
    const scale = halfAt(code, 0);
    for (const [dim, value] of vector.entries()) {
      code[HALF_BYTES + dim] = scale === 0 ? 0 : rounded(value / scale, INT8_LARGEST);
    }
  },
  decode: (code, vector) => {
    const scale = halfAt(code, 0);
    for (let dim = 0; dim < vector.length; dim++) {
      vector[dim] = (((code[HALF_BYTES + dim] ?? 0) << 24) >> 24) * scale;
    }
  },
};

const INT4_LARGEST = 7;
const INT4_HEAD = 4;
/** A scale is 2 to the power of (byte - SCALE_ZERO) / SCALE_STEPS. */
const SCALE_STEPS = 8;
const SCALE_ZERO = 192;

/**
 * Four bits a dim with one scale for each vector of a head, and the vector's largest float apart from it, in
 * half precision, so that one outlier does not cost the others their digits.
 */
const int4: VectorCodec = {
  bytes: (dims) => INT4_HEAD + Math.ceil(dims / 2),
  encode: (vector, code) => {
    code.fill(0);
    const outlier = placeOfLargest(vector);
    code[0] = outlier;
    putHalf(code, 1, vector[outlier] ?? 0);
    code[3] = scaleCode(largestOf(vector, outlier) / INT4_LARGEST);
    const scale = scaleOf(code[3]);
    for (const [dim, value] of vector.entries()) {
      if (dim === outlier) continue;
      const nibble = rounded(value / scale, INT4_LARGEST) & 0xf;
      const at = INT4_HEAD + (dim >>> 1);
      code[at] = (code[at] ?? 0) | (nibble << (4 * (dim & 1)));
    }
  },
  decode: (code, vector) => {
    const scale = scaleOf(code[3] ?? 0);
    for (let dim = 0; dim < vector.length; dim++) {
      const nibble = (code[INT4_HEAD + (dim >>> 1)] ?? 0) >>> (4 * (dim & 1));
      vector[dim] = ((nibble << 28) >> 28) * scale;
    }
    vector[code[0] ?? 0] = halfAt(code, 1);
  },
};

/** Bytes of the keys and values of one slot of one layer. */
export function bytesPerSlot({ heads, headDim }: CacheLayout, name: StorageName): number {
  const vector = codecOf(name)?.bytes(headDim) ?? headDim * Float32Array.BYTES_PER_ELEMENT;
  return 2 * heads * vector;
}

/** The codec of a storage; floats need none. */
export const codecOf = (name: StorageName): VectorCodec | undefined =>
  ({ float32: undefined, float16, int8, int4 })[name];

const scaleOf = (byte: number): number =>
  byte === 0 ? Number.MIN_VALUE : 2 ** ((byte - SCALE_ZERO) / SCALE_STEPS);

/** The smallest scale that is not below `scale`, but for what rounding leaves. */
function scaleCode(scale: number): number {
  if (scale === 0) return 0;
  const exact = Math.log2(scale) * SCALE_STEPS + SCALE_ZERO;
  return Math.min(255, Math.max(1, Math.ceil(exact - 1e-6)));
}

const rounded = (value: number, largest: number): number =>
  Math.min(largest, Math.max(-largest, Math.round(value)));

function largestOf(vector: Float32Array, except = -1): number {
  let largest = 0;
  for (let dim = 0; dim < vector.length; dim++) {
    if (dim !== except) largest = Math.max(largest, Math.abs(vector[dim] ?? 0));
  }
  return largest;
}

function placeOfLargest(vector: Float32Array): number {
  let place = 0;
  for (let dim = 1; dim < vector.length; dim++) {
    if (Math.abs(vector[dim] ?? 0) > Math.abs(vector[place] ?? 0)) place = dim;
  }
  return place;
}
