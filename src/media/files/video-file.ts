/** The role of a video file that is being written. */

import type { Bytes } from "../../core/units.ts";
import type { EncodedPicture, VideoCodec } from "../encoder.ts";

/** What a file holds. Both sides are those of the pictures that are shown. */
export interface VideoFileOptions {
  readonly path: string;
  readonly codec: VideoCodec;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/**
 * A video file that grows picture by picture.
 *
 * Lifetime: until `finish` or `cancel`. One picture at a time, in order, the first one a key packet.
 */
export interface VideoFile {
  /** Settles when the file can take another. */
  add(picture: EncodedPicture): Promise<void>;
  /** Complete the file; returns its size. */
  finish(): Promise<Bytes>;
  /** Give up; no file is left. */
  cancel(): Promise<void>;
}
