import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MARKER_BITS, markerLayout, readMarker } from "../../../src/core/marker.ts";
import { drawMarker } from "../../../src/media/marker.ts";

const black = (width: number, height: number) => new Uint8Array(width * height * 3);

describe("a marker", () => {
  it("reads back as it was drawn, modulo 24 bits, at every width", () => {
    const number = fc.nat({ max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(
        number,
        number,
        fc.constantFrom(64, 96, 128, 200, 256, 640),
        (frame, epoch, width) => {
          const rgb = black(width, 128);

          drawMarker(rgb, { width, height: 128 }, { frame, epoch });

          expect(readMarker(rgb, width, 3)).toEqual({
            frame: frame % 2 ** 24,
            epoch: epoch % 2 ** 24,
          });
        },
      ),
    );
  });

  it("is not seen where none was drawn", () => {
    expect(readMarker(black(128, 128), 128, 3)).toBeNull();
    expect(readMarker(black(128, 128).fill(255), 128, 3)).toBeNull();
  });

  it("is not read when one cell flipped", () => {
    const rgb = black(128, 128);
    drawMarker(rgb, { width: 128, height: 128 }, { frame: 123_456, epoch: 42 });

    for (let i = 0; i < MARKER_BITS; i++) {
      const flipped = rgb.slice();
      const { cell, columns } = markerLayout(128);
      const left = (i % columns) * cell;
      const top = Math.floor(i / columns) * cell;
      const value = 255 - (rgb[(top * 128 + left) * 3] ?? 0);
      for (let y = top; y < top + cell; y++) {
        flipped.fill(value, (y * 128 + left) * 3, (y * 128 + left + cell) * 3);
      }

      expect(readMarker(flipped, 128, 3)).toBeNull();
    }
  });

  it("leaves a picture alone that is too small for it", () => {
    const rgb = black(32, 8);

    drawMarker(rgb, { width: 32, height: 8 }, { frame: 1, epoch: 1 });

    expect(rgb.every((value) => value === 0)).toBe(true);
  });
});
