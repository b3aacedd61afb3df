/**
 * Where a marker lies in a picture and how to read it back.
 *
 * A marker is 56 cells, black for 0 and white for 1, filling rows from the top left: 24 bits of the frame
 * number, 24 bits of the control epoch, a check byte (CRC-8, polynomial 0x07), each most significant bit
 * first. Cells are large enough to survive lossy coding; a reader looks at their middles only.
 */

/** What a marker says: the low 24 bits of both numbers. */
export interface Marker {
  readonly frame: number;
  readonly epoch: number;
}

/** How cells lie in a picture of some width. */
export interface MarkerLayout {
  /** Side of a cell, pixels. */
  readonly cell: number;
  readonly columns: number;
  readonly rows: number;
}

/** Cells of one marker. */
export const MARKER_BITS = 56;
const FIELD_BITS = 24;
const FIELD_MASK = 2 ** FIELD_BITS - 1;
/** Above this mean of red, green and blue a cell reads as 1. */
const THRESHOLD = 128;
/** Pictures at least this wide get cells of a macroblock's half; narrower ones of a quarter. */
const WIDE = 128;

/** The layout of a marker in a picture `width` pixels wide. */
export function markerLayout(width: number): MarkerLayout {
  const cell = width >= WIDE ? 8 : 4;
  const columns = Math.min(MARKER_BITS, Math.floor(width / cell));
  return { cell, columns, rows: Math.ceil(MARKER_BITS / columns) };
}

/** The cells of `marker` in order, each 0 or 1. */
export function markerBits(marker: Marker): readonly number[] {
  const fields = [...bitsOf(marker.frame), ...bitsOf(marker.epoch)];
  const check = crc8(fields);
  return [...fields, ...Array.from({ length: 8 }, (_, i) => (check >> (7 - i)) & 1)];
}

/**
 * Read the marker of a picture, or `null` where there is none or it did not survive.
 *
 * Shapes: `pixels` is [height, width, channels], uint8, with 3 channels (RGB) or 4 (RGBA).
 */
export function readMarker(
  pixels: ArrayLike<number>,
  width: number,
  channels: 3 | 4,
): Marker | null {
  const { cell, columns } = markerLayout(width);
  const bits = Array.from({ length: MARKER_BITS }, (_, i) => {
    const left = (i % columns) * cell;
    const top = Math.floor(i / columns) * cell;
    return meanOfMiddle(pixels, { left, top, cell, width, channels }) > THRESHOLD ? 1 : 0;
  });
  const fields = bits.slice(0, 2 * FIELD_BITS);
  if (crc8(fields) !== numberOf(bits.slice(2 * FIELD_BITS))) return null;
  return {
    frame: numberOf(fields.slice(0, FIELD_BITS)),
    epoch: numberOf(fields.slice(FIELD_BITS)),
  };
}

interface Cell {
  readonly left: number;
  readonly top: number;
  readonly cell: number;
  readonly width: number;
  readonly channels: number;
}

/** Mean of red, green and blue over the middle half of a cell. */
function meanOfMiddle(pixels: ArrayLike<number>, at: Cell): number {
  const margin = at.cell / 4;
  const side = at.cell / 2;
  let sum = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const first = ((at.top + margin + y) * at.width + at.left + margin + x) * at.channels;
      for (let colour = 0; colour < 3; colour++) sum += pixels[first + colour] ?? 0;
    }
  }
  return sum / (side * side * 3);
}

const bitsOf = (value: number): number[] =>
  Array.from({ length: FIELD_BITS }, (_, i) => ((value & FIELD_MASK) >> (FIELD_BITS - 1 - i)) & 1);

const numberOf = (bits: readonly number[]): number => bits.reduce((n, bit) => n * 2 + bit, 0);

/** CRC-8 with polynomial x^8 + x^2 + x + 1 and a start of 0xFF, so that a black picture has no marker. */
function crc8(bits: readonly number[]): number {
  return bits.reduce((crc, bit) => {
    const feedback = (crc >> 7) ^ bit;
    return ((crc << 1) ^ (feedback === 1 ? 0x07 : 0)) & 0xff;
  }, 0xff);
}
