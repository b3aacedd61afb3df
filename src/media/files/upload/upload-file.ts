/** What the parts of an upload's decoder agree on. */

import type { Clock } from "../../../core/clock.ts";
import { StreamError } from "../../../core/errors.ts";
import type { Bytes, Millis } from "../../../core/units.ts";
import type { UploadFormat, UploadKind } from "./formats.ts";

/** What an upload may be, at most. */
export interface UploadLimits {
  readonly bytes: Bytes;
  /** Of one picture, width by height. */
  readonly pixels: number;
  readonly seconds: number;
  /** For one run of a decoder; a run that takes longer is killed. */
  readonly time: Millis;
  /** Of everything that one call decodes. */
  readonly decodedBytes: Bytes;
}

/** What an upload is. */
export interface UploadDescription {
  readonly kind: UploadKind;
  readonly format: UploadFormat["name"];
  /** Of its pictures; null when it has none. */
  readonly width: number | null;
  readonly height: number | null;
  /** Null for a still image. */
  readonly seconds: number | null;
  readonly hasSound: boolean;
}

/** A file from outside on this machine's disk, alone in its folder. */
export interface UploadFile {
  readonly path: string;
  readonly folder: string;
  readonly format: UploadFormat;
  readonly limits: UploadLimits;
  readonly clock: Clock;
}

/** What FFmpeg's programs are told before the file: which parts of themselves they may use on it. */
export const confined = ({ format, limits }: UploadFile): readonly string[] => [
  ...["-protocol_whitelist", "file,pipe", "-format_whitelist", format.demuxer],
  ...["-codec_whitelist", format.decoders.join(","), "-max_pixels", String(limits.pixels)],
  ...["-f", format.demuxer],
];

/** A limit of uploads was passed. */
export const beyond = (limit: string, most: number): StreamError =>
  new StreamError("bad_upload", `an upload may have at most ${most} ${limit}`, {
    detail: { limit, most },
  });
