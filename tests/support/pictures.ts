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
