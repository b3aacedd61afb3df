/** A width and a height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pictures at most this wide are pixel art: scaled by whole numbers, with hard edges. */
const PIXEL_ART_WIDTH = 320;

/** A whole-number scale may leave this much of the room unused; past that, size wins over evenness. */
const WASTE = 0.18;

/** True for pictures whose pixels are meant to be seen. */
export const isPixelArt = ({ width }: Size): boolean => width <= PIXEL_ART_WIDTH;

/**
 * The size a picture is shown at: as large as fits; pixel art by a whole number of screen pixels, so
 * that all its pixels are equally large, unless much of the room would stay empty.
 *
 * Units: CSS pixels; `density` is screen pixels per CSS pixel.
 */
export function shownSize(picture: Size, room: Size, density: number): Size {
  const scale = Math.min(room.width / picture.width, room.height / picture.height);
  const whole = Math.floor(scale * density) / density;
  const used = isPixelArt(picture) && whole >= scale * (1 - WASTE) ? whole : scale;
  return { width: picture.width * used, height: picture.height * used };
}
