import { type Marker, markerBits, markerLayout } from "../core/marker.ts";

/**
 * Draw frame and epoch ids into the top of a picture (src/core/marker.ts has the layout and the reader).
 * A picture too small for a whole marker is left as it is.
 *
 * Shapes: `rgb` is [height, width, 3], uint8; changed in place.
 */
export function drawMarker(
  rgb: Uint8Array,
  size: { readonly width: number; readonly height: number },
  marker: Marker,
): void {
  const { cell, columns, rows } = markerLayout(size.width);
  if (rows * cell > size.height) return;
  for (const [i, bit] of markerBits(marker).entries()) {
    const left = (i % columns) * cell;
    const top = Math.floor(i / columns) * cell;
    for (let y = top; y < top + cell; y++) {
      const start = (y * size.width + left) * 3;
      rgb.fill(bit * 255, start, start + cell * 3);
    }
  }
}
