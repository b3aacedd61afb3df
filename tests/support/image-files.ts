/** Files of pictures as strangers bring them: whole, hostile, and of other kinds. */

import { crc32, deflateRawSync, constants as zlib } from "node:zlib";
import { PNG } from "pngjs";
import { run } from "./probe.ts";

/** A PNG of one colour; the tiny package that hears takes what is red for a face. */
export function plainPng(red: number, size = { width: 64, height: 48 }): Buffer {
  const picture = new PNG(size);
  for (let i = 0; i < picture.data.length; i += 4) picture.data.set([red, 40, 90, 255], i);
  return PNG.sync.write(picture);
}

/** A PNG whose header alone says that it has a gigabyte of pixels. */
export function claimingPng(): Buffer {
  const file = plainPng(200, { width: 16, height: 16 });
  file.writeUInt32BE(20_000, 16);
  file.writeUInt32BE(20_000, 20);
  return file;
}

/** Bytes of zeros that are deflated at once; a full flush lets the result be repeated. */
const PIECE = 2 ** 24;
const PIECES = 16;
const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** Of zlib: deflate with a window of 32 KiB. */
const ZLIB = Buffer.of(0x78, 0x9c);
/** The empty last block of deflate. */
const LAST = Buffer.of(3, 0);

/** A PNG of a quarter of a megabyte, of 64 by 48 pixels by its header, that inflates to a quarter of a gigabyte. */
export function inflatingPng(): Buffer {
  const piece = deflateRawSync(Buffer.alloc(PIECE), { finishFlush: zlib.Z_FULL_FLUSH });
  // Adler-32 of zeros: the first sum stays 1, the second counts the bytes.
  const checksum = Buffer.alloc(4);
  checksum.writeUInt16BE((PIECE * PIECES) % 65_521, 0);
  checksum.writeUInt16BE(1, 2);
  const pixels = [ZLIB, ...Array.from({ length: PIECES }, () => piece), LAST, checksum];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(64, 0);
  header.writeUInt32BE(48, 4);
  header.set([8, 2], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", Buffer.concat(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(4);
  frame.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([frame, body, checksum]);
}

/** A reddish picture of 320 by 240 in another format than PNG, by ffmpeg. */
export async function pictureFile(format: "mjpeg" | "webp" | "gif"): Promise<Buffer> {
  const source = "testsrc2=size=320x240,format=rgb24,lutrgb=r=220";
  const { stdout } = await run(
    "ffmpeg",
    ["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1", "-f", format, "-"],
    { encoding: "buffer" },
  );
  return stdout;
}
