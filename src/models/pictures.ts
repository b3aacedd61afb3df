/** Pictures that generations begin from: starts are PNG files of exactly the lane's size. */

import { PNG } from "pngjs";
import { StreamError } from "../core/errors.ts";

/** Pixels of a picture. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The header chunk's width and height: big-endian, right after the signature, its length and its name. */
const WIDTH_AT = 16;
const HEIGHT_AT = 20;

/**
 * Check that `content` is a PNG of the wanted size, from its header alone.
 *
 * @throws {StreamError} `package_invalid` for another kind of file, `package_shape` for another size.
 */
export function checkStartPicture(name: string, content: Uint8Array, wanted: PictureSize): void {
  const isPng = content.length > HEIGHT_AT + 4 && SIGNATURE.every((byte, i) => content[i] === byte);
  if (!isPng) throw invalid(name, "is not a PNG picture");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [width, height] = [view.getUint32(WIDTH_AT), view.getUint32(HEIGHT_AT)];
  if (width === wanted.width && height === wanted.height) return;
  throw new StreamError(
    "package_shape",
    `${name}: is ${width}×${height}; resize it to the lane's ${wanted.width}×${wanted.height}`,
    { detail: { file: name } },
  );
}

/**
 * Decode a start picture; transparency is dropped.
 *
 * Shapes: returns [height, width, 3], uint8.
 * @throws {StreamError} as `checkStartPicture`, and `package_invalid` for a damaged file.
 */
export function decodePicture(name: string, content: Buffer, wanted: PictureSize): Uint8Array {
  checkStartPicture(name, content, wanted);
  const rgba = readPng(name, content);
  const rgb = new Uint8Array(wanted.width * wanted.height * 3);
  for (let pixel = 0; pixel < wanted.width * wanted.height; pixel++) {
    rgb.set(rgba.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
  }
  return rgb;
}

/** @throws {StreamError} `bad_parameter` unless `rgb` is a picture [height, width, 3] of the wanted size. */
export function requireSize(rgb: Uint8Array, { width, height }: PictureSize): void {
  if (rgb.length === width * height * 3) return;
  throw new StreamError("bad_parameter", `a picture of this model has ${width}×${height} pixels`, {
    detail: { path: "picture" },
  });
}

function readPng(name: string, content: Buffer): Uint8Array {
  try {
    return PNG.sync.read(content).data;
  } catch (cause) {
    throw invalid(name, "is a damaged PNG picture", cause);
  }
}

const invalid = (name: string, message: string, cause?: unknown): StreamError =>
  new StreamError("package_invalid", `${name}: ${message}`, { detail: { file: name }, cause });
