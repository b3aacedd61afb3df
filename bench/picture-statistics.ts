/** What a picture looks like in three numbers, to see whether a stream drifts. */

/** Of one picture, values in [0, 1]. */
export interface PictureStatistics {
  /** Mean of the colours. */
  readonly luminance: number;
  /** Mean distance between a pixel's largest and smallest colour. */
  readonly saturation: number;
  /** Mean magnitude of the Laplacian of luminance (four neighbours): what blur takes away. */
  readonly sharpness: number;
}

/** Measure `rgb`, [side, side, 3], uint8. */
export function pictureStatistics(rgb: Uint8Array): PictureStatistics {
  const pixels = rgb.length / 3;
  const side = Math.sqrt(pixels);
  const light = new Float32Array(pixels);
  let saturation = 0;
  for (let i = 0; i < pixels; i++) {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(3 * i, 3 * i + 3);
    light[i] = (red + green + blue) / 765;
    saturation += (Math.max(red, green, blue) - Math.min(red, green, blue)) / 255;
  }
  const luminance = light.reduce((sum, value) => sum + value, 0) / pixels;
  return { luminance, saturation: saturation / pixels, sharpness: laplacian(light, side) };
}

function laplacian(light: Float32Array, side: number): number {
  const at = (row: number, column: number): number => light[row * side + column] ?? 0;
  let sum = 0;
  for (let row = 1; row < side - 1; row++) {
    for (let column = 1; column < side - 1; column++) {
      const around = at(row - 1, column) + at(row + 1, column) + at(row, column - 1);
      sum += Math.abs(around + at(row, column + 1) - 4 * at(row, column));
    }
  }
  return sum / (side - 2) ** 2;
}
