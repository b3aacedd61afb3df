/** A width and a height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A whole-number scale may leave this much of the room unused; past that, size wins over evenness. */
const WASTE = 0.18;

/** Pictures of a size, and how they are meant to be enlarged: with hard edges, or smoothly. */
export interface Shown extends Size {
  readonly scaling: "nearest" | "smooth";
}

/**
 * The size a picture is shown at: as large as fits; where pixels have hard edges by a whole number of screen pixels, so
 * that all are equally large, unless much of the room would stay empty.
 *
 * Units: CSS pixels; `density` is screen pixels per CSS pixel.
 */
export function shownSize(picture: Shown, room: Size, density: number): Size {
  const scale = Math.min(room.width / picture.width, room.height / picture.height);
  const whole = Math.floor(scale * density) / density;
  const used = picture.scaling === "nearest" && whole >= scale * (1 - WASTE) ? whole : scale;
  return { width: picture.width * used, height: picture.height * used };
}
