/** The role of a video encoder, and what the engine and the server agree on about its output. */

import type { BitsPerSecond, Micros } from "../core/units.ts";
import { evenSize } from "./colour.ts";

/** Codecs there are encoders for; `rgb` is the raw picture. */
export type VideoCodec = "h264" | "vp8" | "rgb";

/** What one encoder takes. */
export interface EncoderOptions {
  readonly codec: VideoCodec;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Target; ignored by `rgb`. */
  readonly bitrate: BitsPerSecond;
}

/** One picture, encoded. Owns: `data` is the receiver's. */
export interface EncodedPicture {
  readonly data: Uint8Array;
  /** Decodable without any earlier picture. */
  readonly key: boolean;
}

/**
 * Turns pictures into packets, one packet per picture, none held back.
 *
 * Lifetime: until `close`. Not reentrant: one picture at a time, in time order. The first picture, and
 * each for which `key` is asked, comes out as a key packet; no other does.
 */
export interface VideoEncoder {
  readonly options: EncoderOptions;
  /**
   * Encode one picture.
   *
   * Shapes: `rgb` is [height, width, 3], uint8; it may be overwritten once the promise settles.
   * @throws {StreamError} `encoder_failed`.
   */
  encode(rgb: Uint8Array, pts: Micros, wish: { readonly key: boolean }): Promise<EncodedPicture>;
  close(): void;
}

/** Pictures with no side longer than this are looked at pixel by pixel. */
const SMALL = 256;

/**
 * The size that pictures of `size` have once coded; a client shows them at their own size again.
 *
 * H.264 and VP8 keep colour at half the resolution of light. Small pictures are coded with every pixel
 * doubled both ways, so that each keeps a colour of its own; of larger ones an odd side is one pixel longer.
 */
export function codedSize<Size extends { readonly width: number; readonly height: number }>(
  codec: VideoCodec,
  size: Size,
): Size {
  if (codec === "rgb") return size;
  const isSmall = Math.max(size.width, size.height) <= SMALL;
  const coded = isSmall ? { width: size.width * 2, height: size.height * 2 } : evenSize(size);
  return { ...size, ...coded };
}

interface H264Level {
  readonly idc: number;
  readonly macroblocksPerSecond: number;
  readonly macroblocks: number;
}

/** Rows of ITU-T H.264, table A-1, that this service tells apart. */
const H264_LEVELS: readonly H264Level[] = [
  { idc: 31, macroblocksPerSecond: 108_000, macroblocks: 3_600 },
  { idc: 40, macroblocksPerSecond: 245_760, macroblocks: 8_192 },
];
const H264_HIGHEST = 51;

/** The H.264 `level_idc` that admits pictures of this size at this rate. */
export function h264Level(width: number, height: number, frameRate: number): number {
  const macroblocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  const fits = (level: H264Level) =>
    macroblocks <= level.macroblocks && macroblocks * frameRate <= level.macroblocksPerSecond;
  return H264_LEVELS.find(fits)?.idc ?? H264_HIGHEST;
}

/**
 * What a browser must be told to decode pictures of `video`'s size in `codec`: a WebCodecs codec string, or `rgb`.
 *
 * H.264 is constrained baseline as Annex B, parameter sets in front of every key packet (RFC 6381,
 * section 3.3, for the string).
 */
export function codecString(
  codec: VideoCodec,
  video: { readonly width: number; readonly height: number; readonly frameRate: number },
): string {
  if (codec !== "h264") return codec;
  const { width, height } = codedSize(codec, video);
  const level = h264Level(width, height, video.frameRate);
  return `avc1.42C0${level.toString(16).toUpperCase().padStart(2, "0")}`;
}
