import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allocateI420,
  BT601,
  BT709,
  type ColourMatrix,
  rgbToI420,
  rgbToI420Doubled,
} from "../../../src/media/colour.ts";
import { doubled, gradient } from "../../support/pictures.ts";

/** The defining equations in floating point: ITU-R BT.601-7 2.5, BT.709-6 item 3. */
function reference([r, g, b]: readonly [number, number, number], { red, blue }: ColourMatrix) {
  const luma = (red * r + (1 - red - blue) * g + blue * b) / 255;
  return {
    y: 16 + 219 * luma,
    u: 128 + (224 * (b / 255 - luma)) / (2 * (1 - blue)),
    v: 128 + (224 * (r / 255 - luma)) / (2 * (1 - red)),
  };
}

const flat = (colour: readonly [number, number, number]) =>
  Uint8Array.from({ length: 2 * 2 * 3 }, (_, i) => colour[i % 3] ?? 0);

function convert(colour: readonly [number, number, number], matrix: ColourMatrix) {
  const planes = allocateI420(2, 2);
  rgbToI420(flat(colour), { width: 2, height: 2 }, planes, matrix);
  return { y: planes.y[0], u: planes.u[0], v: planes.v[0] };
}

describe("rgbToI420Doubled", () => {
  it("makes the planes of the picture with every pixel doubled, in planes with padding too", () => {
    const [size, large] = [
      { width: 10, height: 6 },
      { width: 20, height: 12 },
    ];
    const rgb = gradient(size, 3);
    const planes = { ...allocateI420(32, 12), strides: { luma: 32, chroma: 16 } };
    const expected = structuredClone(planes);

    rgbToI420Doubled(rgb, size, planes);

    rgbToI420(doubled(rgb, size), large, expected);
    expect(planes).toEqual(expected);
  });
});

describe("rgbToI420", () => {
  it("puts black, white and grey on the limited range's ends and middle", () => {
    expect(convert([0, 0, 0], BT601)).toEqual({ y: 16, u: 128, v: 128 });
    expect(convert([255, 255, 255], BT601)).toEqual({ y: 235, u: 128, v: 128 });
    expect(convert([128, 128, 128], BT709)).toEqual({ y: 126, u: 128, v: 128 });
  });

  it("is within one step of the defining equations for every colour", () => {
    const channel = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(channel, channel, channel, fc.constantFrom(BT601, BT709), (r, g, b, matrix) => {
        const expected = reference([r, g, b], matrix);

        const { y = 0, u = 0, v = 0 } = convert([r, g, b], matrix);

        expect(Math.abs(y - expected.y)).toBeLessThanOrEqual(1);
        expect(Math.abs(u - expected.u)).toBeLessThanOrEqual(1);
        expect(Math.abs(v - expected.v)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("averages chroma over four pixels and writes only inside the strides", () => {
    const planes = {
      y: new Uint8Array(2 * 8).fill(7),
      u: new Uint8Array(4).fill(7),
      v: new Uint8Array(4).fill(7),
      strides: { luma: 8, chroma: 4 },
    };
    const blackAndWhite = Uint8Array.from([0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255]);

    rgbToI420(blackAndWhite, { width: 2, height: 2 }, planes);

    expect([...planes.y]).toEqual([16, 235, 7, 7, 7, 7, 7, 7, 16, 235, 7, 7, 7, 7, 7, 7]);
    expect([...planes.u]).toEqual([128, 7, 7, 7]);
  });

  it("repeats the last column and row of a picture with odd sides", () => {
    const rows = [
      ["a", "b", "c", "c"],
      ["d", "e", "f", "f"],
      ["g", "h", "i", "i"],
      ["g", "h", "i", "i"],
    ];
    const pixels = (names: readonly string[]) =>
      Uint8Array.from(names.flatMap((name) => [name.charCodeAt(0), 7 * name.charCodeAt(0), 50]));
    const odd = pixels(rows.slice(0, 3).flatMap((row) => row.slice(0, 3)));
    const [planes, expected] = [allocateI420(4, 4), allocateI420(4, 4)];

    rgbToI420(odd, { width: 3, height: 3 }, planes);

    rgbToI420(pixels(rows.flat()), { width: 4, height: 4 }, expected);
    expect(planes).toEqual(expected);
  });

  it("refuses buffers of another size", () => {
    const planes = allocateI420(4, 4);

    expect(() => rgbToI420(new Uint8Array(5), { width: 2, height: 2 }, planes)).toThrow("pixel");
    expect(() => rgbToI420(new Uint8Array(48), { width: 3, height: 3 }, planes)).toThrow("pixel");
  });
});
