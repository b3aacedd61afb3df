/** Pictures with motion and colour, for encoders to work on. */

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** A diagonal colour gradient that moves with `frame`, [height, width, 3], uint8. */
export function gradient({ width, height }: PictureSize, frame: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      rgb[at] = (x * 2 + frame * 3) & 255;
      rgb[at + 1] = (y * 2 + frame * 5) & 255;
      rgb[at + 2] = (x + y + frame * 7) & 255;
    }
  }
  return rgb;
}

/** A picture at half its size, each pixel the mean of four. */
export function halved(rgb: Uint8Array, { width, height }: PictureSize): Uint8Array {
  const half = new Uint8Array((width / 2) * (height / 2) * 3);
  for (let y = 0; y < height / 2; y++) {
    for (let i = 0; i < (width / 2) * 3; i++) {
      const left = (2 * y * width + 2 * Math.floor(i / 3)) * 3 + (i % 3);
      const below = left + width * 3;
      const four = [rgb[left], rgb[left + 3], rgb[below], rgb[below + 3]];
      half[y * (width / 2) * 3 + i] =
        four.reduce<number>((sum, value) => sum + (value ?? 0), 0) / 4;
    }
  }
  return half;
}

/** A picture at twice its size, each pixel two by two. */
export function doubled(rgb: Uint8Array, { width, height }: PictureSize): Uint8Array {
  const large = new Uint8Array(width * 2 * height * 2 * 3);
  for (let y = 0; y < height * 2; y++) {
    for (let x = 0; x < width * 2; x++) {
      const from = ((y >> 1) * width + (x >> 1)) * 3;
      large.set(rgb.subarray(from, from + 3), (y * width * 2 + x) * 3);
    }
  }
  return large;
}
