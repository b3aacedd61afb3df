/** RGB pictures to the planar luma and chroma that video encoders take. */

import { StreamError } from "../core/errors.ts";

/** Weights of red and blue in luma; green has the rest. */
export interface ColourMatrix {
  readonly red: number;
  readonly blue: number;
}

/** ITU-R BT.601-7, section 2.5.1: standard definition, and what VP8 means (RFC 6386, section 9.2). */
export const BT601: ColourMatrix = { red: 0.299, blue: 0.114 };
/** ITU-R BT.709-6, item 3.2: high definition. */
export const BT709: ColourMatrix = { red: 0.2126, blue: 0.0722 };

/** A picture's planes, 4:2:0, eight bits; chroma has half the width and half the height. */
export interface I420 {
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  /** Bytes from one row to the next, luma and chroma. */
  readonly strides: { readonly luma: number; readonly chroma: number };
}

/** Fractional bits of the fixed-point coefficients. */
const SHIFT = 16;
const ONE = 1 << SHIFT;
/** Limited range: luma spans 219 steps above 16, chroma 224 steps around 128. */
const LUMA = { span: 219 / 255, offset: 16 };
const CHROMA = { span: 224 / 255, offset: 128 };

type Row = readonly [red: number, green: number, blue: number];

const fixed = (row: Row, span: number): Row => {
  const [r, g, b] = row.map((weight) => Math.round(weight * span * ONE));
  return [r ?? 0, g ?? 0, b ?? 0];
};

function coefficients({ red, blue }: ColourMatrix): { y: Row; u: Row; v: Row } {
  const green = 1 - red - blue;
  const toBlue = 1 / (2 * (1 - blue));
  const toRed = 1 / (2 * (1 - red));
  return {
    y: fixed([red, green, blue], LUMA.span),
    u: fixed([-red * toBlue, -green * toBlue, 0.5], CHROMA.span),
    v: fixed([0.5, -green * toRed, -blue * toRed], CHROMA.span),
  };
}

/** Width and height in pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** A buffer that holds the planes of a picture without padding. Both sides must be even. */
export function allocateI420(width: number, height: number): I420 {
  const chroma = (width / 2) * (height / 2);
  return {
    y: new Uint8Array(width * height),
    u: new Uint8Array(chroma),
    v: new Uint8Array(chroma),
    strides: { luma: width, chroma: width / 2 },
  };
}

/**
 * Convert a picture to limited-range 4:2:0, each chroma sample the mean of its four pixels.
 *
 * Shapes: `rgb` is [height, width, 3], uint8; `planes` are those of a picture whose odd sides are one longer, where
 * the last column or row stands twice.
 * Owns: writes into `planes`; keeps nothing.
 * @throws {StreamError} `encoder_failed` when `rgb` has another size.
 */
export function rgbToI420(
  rgb: Uint8Array,
  size: Size,
  planes: I420,
  matrix: ColourMatrix = BT601,
): void {
  checkSize(rgb, size);
  const { width, height } = evenSize(size);
  const even = width === size.width && height === size.height ? rgb : padded(rgb, size);
  const { y, u, v } = coefficients(matrix);
  writeLuma(even, width, height, planes, y);
  writeChroma(even, width, height, planes.u, planes.strides.chroma, u);
  writeChroma(even, width, height, planes.v, planes.strides.chroma, v);
}

/** The smallest size with even sides that has room for a picture of `size`. */
export const evenSize = ({ width, height }: Size): Size => ({
  width: width + (width % 2),
  height: height + (height % 2),
});

function padded(rgb: Uint8Array, size: Size): Uint8Array {
  const { width, height } = evenSize(size);
  const [line, paddedLine] = [size.width * 3, width * 3];
  const picture = new Uint8Array(height * paddedLine);
  for (let y = 0; y < height; y++) {
    const row = Math.min(y, size.height - 1) * line;
    picture.set(rgb.subarray(row, row + line), y * paddedLine);
    const last = row + line - 3;
    picture.set(rgb.subarray(last, last + 3), (y + 1) * paddedLine - 3);
  }
  return picture;
}

function checkSize(rgb: Uint8Array, { width, height }: Size): void {
  if (rgb.length === width * height * 3) return;
  throw new StreamError("encoder_failed", "a picture must have three bytes a pixel", {
    detail: { width, height, bytes: rgb.length },
  });
}

/**
 * Convert a picture to limited-range 4:2:0 of twice its size, every pixel becoming two by two with a colour
 * sample of its own.
 *
 * Shapes: `rgb` is [height, width, 3], uint8; `planes` are those of a picture [2 height, 2 width].
 * Owns: writes into `planes`; keeps nothing.
 * @throws {StreamError} `encoder_failed` when `rgb` has another size.
 */
export function rgbToI420Doubled(
  rgb: Uint8Array,
  size: Size,
  planes: I420,
  matrix: ColourMatrix = BT601,
): void {
  checkSize(rgb, size);
  const { y, u, v } = coefficients(matrix);
  writeLumaDoubled(rgb, size, planes, y);
  writeChromaWhole(rgb, size, planes.u, planes.strides.chroma, u);
  writeChromaWhole(rgb, size, planes.v, planes.strides.chroma, v);
}

/** Typed-array reads inside a checked size; the compiler cannot see the check. */
const at = (bytes: Uint8Array, index: number): number => bytes[index] as number;

function writeLuma(rgb: Uint8Array, width: number, height: number, planes: I420, row: Row): void {
  const [r, g, b] = row;
  const bias = (LUMA.offset << SHIFT) + (ONE >> 1);
  for (let line = 0; line < height; line++) {
    let source = line * width * 3;
    const start = line * planes.strides.luma;
    for (let x = start; x < start + width; x++, source += 3) {
      const sum = r * at(rgb, source) + g * at(rgb, source + 1) + b * at(rgb, source + 2);
      planes.y[x] = (sum + bias) >> SHIFT;
    }
  }
}

function writeChroma(
  rgb: Uint8Array,
  width: number,
  height: number,
  plane: Uint8Array,
  stride: number,
  row: Row,
): void {
  const [r, g, b] = row;
  const bias = (CHROMA.offset << (SHIFT + 2)) + (ONE << 1);
  const down = width * 3;
  for (let line = 0; line < height; line += 2) {
    let p = line * down;
    const start = (line / 2) * stride;
    for (let x = start; x < start + width / 2; x++, p += 6) {
      const q = p + down;
      const red = at(rgb, p) + at(rgb, p + 3) + at(rgb, q) + at(rgb, q + 3);
      const green = at(rgb, p + 1) + at(rgb, p + 4) + at(rgb, q + 1) + at(rgb, q + 4);
      const blue = at(rgb, p + 2) + at(rgb, p + 5) + at(rgb, q + 2) + at(rgb, q + 5);
      plane[x] = (r * red + g * green + b * blue + bias) >> (SHIFT + 2);
    }
  }
}

function writeLumaDoubled(
  rgb: Uint8Array,
  { width, height }: Size,
  { y, strides }: I420,
  [r, g, b]: Row,
): void {
  const bias = (LUMA.offset << SHIFT) + (ONE >> 1);
  let source = 0;
  for (let line = 0; line < height; line++) {
    const start = 2 * line * strides.luma;
    for (let x = start; x < start + 2 * width; x += 2, source += 3) {
      const sum = r * at(rgb, source) + g * at(rgb, source + 1) + b * at(rgb, source + 2);
      const luma = (sum + bias) >> SHIFT;
      y[x] = luma;
      y[x + 1] = luma;
    }
    y.copyWithin(start + strides.luma, start, start + 2 * width);
  }
}

function writeChromaWhole(
  rgb: Uint8Array,
  { width, height }: Size,
  plane: Uint8Array,
  stride: number,
  [r, g, b]: Row,
): void {
  const bias = (CHROMA.offset << SHIFT) + (ONE >> 1);
  let source = 0;
  for (let line = 0; line < height; line++) {
    const start = line * stride;
    for (let x = start; x < start + width; x++, source += 3) {
      const sum = r * at(rgb, source) + g * at(rgb, source + 1) + b * at(rgb, source + 2);
      plane[x] = (sum + bias) >> SHIFT;
    }
  }
}
