import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../core/clock.ts";
import { StreamError } from "../../../core/errors.ts";
import { decodeInto } from "./decoding.ts";
import { formatOf } from "./formats.ts";
import { describeFile } from "./probing.ts";
import {
  beyond,
  type UploadDescription,
  type UploadFile,
  type UploadLimits,
} from "./upload-file.ts";

/** What an upload is taken in with. */
export interface UploadParts {
  readonly limits: UploadLimits;
  readonly clock: Clock;
  /** A folder of the caller's, where the upload makes one of its own. */
  readonly parent: string;
}

/** Pictures as they are wanted: scaled to cover this size, what stands over at the sides is cut off. */
export interface PicturesWish {
  readonly width: number;
  readonly height: number;
  /** Pictures a second; an image has one in all. */
  readonly frameRate: number;
}

/**
 * A file from outside: an image, sound or video, looked at and decoded by the system's ffmpeg.
 *
 * Nothing in the file is believed: its first bytes choose one demuxer and a few decoders, ffmpeg may open no
 * other file and no address, and each run is bounded in pixels, bytes and time.
 * Lifetime: until it is disposed of; it lies in a folder of its own till then.
 */
export class Upload implements AsyncDisposable {
  readonly description: UploadDescription;
  readonly #file: UploadFile;

  private constructor(description: UploadDescription, file: UploadFile) {
    this.description = description;
    this.#file = file;
  }

  /**
   * Take a file in, and decode it once to know that it can be.
   *
   * @throws {StreamError} `bad_upload` for what is no such file, is broken, or is beyond a limit, which
   *   `detail.limit` names; `encoder_failed` when there is no ffmpeg.
   */
  static async open(data: Uint8Array, { limits, clock, parent }: UploadParts): Promise<Upload> {
    if (data.length > limits.bytes) throw beyond("bytes", limits.bytes);
    const format = formatOf(data);
    if (format === undefined) {
      throw new StreamError(
        "bad_upload",
        "this is none of: PNG, JPEG, WebP, WAV, MP3, Ogg, MP4, WebM",
      );
    }
    const folder = await mkdtemp(join(parent, "upload-"));
    try {
      const file: UploadFile = { path: join(folder, "upload"), folder, format, limits, clock };
      await writeFile(file.path, data, { mode: 0o600 });
      const description = await describeFile(file);
      requireWithin(description, limits);
      await decodeInto(file, { options: ["-f", "null"], strict: true, mostBytes: 0 });
      return new Upload(description, file);
    } catch (cause) {
      await rm(folder, { recursive: true, force: true });
      throw cause;
    }
  }

  /**
   * Every picture.
   *
   * Shapes: each [height, width, 3], uint8.
   * @throws {StreamError} `bad_upload` when it has none, or they are more than a call may decode.
   */
  async pictures({ width, height, frameRate }: PicturesWish): Promise<Uint8Array[]> {
    const { kind } = this.description;
    if (kind === "sound") throw new StreamError("bad_upload", "this upload has no pictures");
    const cover = `scale=${width}:${height}:force_original_aspect_ratio=increase,crop=${width}:${height}`;
    const filter = kind === "image" ? cover : `fps=${frameRate},${cover}`;
    const bytes = await decodeInto(this.#file, {
      options: ["-map", "0:v:0", "-vf", filter, "-pix_fmt", "rgb24", "-f", "rawvideo"],
      strict: false,
      mostBytes: this.#file.limits.decodedBytes,
    });
    const size = width * height * 3;
    return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
  }

  /**
   * All its sound, mixed to one channel.
   *
   * Shapes: float32 [samples], in [-1, 1]. Units: `rate` in samples a second.
   * @throws {StreamError} `bad_upload` when it is silent, or longer than a call may decode.
   */
  async sound(rate: number): Promise<Float32Array> {
    if (!this.description.hasSound) throw new StreamError("bad_upload", "this upload has no sound");
    const bytes = await decodeInto(this.#file, {
      options: ["-map", "0:a:0", "-ac", "1", "-ar", String(rate), "-f", "f32le"],
      strict: false,
      mostBytes: this.#file.limits.decodedBytes,
    });
    return new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#file.folder, { recursive: true, force: true });
  }
}

function requireWithin({ width, height, seconds }: UploadDescription, limits: UploadLimits): void {
  if ((width ?? 0) * (height ?? 0) > limits.pixels) throw beyond("pixels", limits.pixels);
  if ((seconds ?? 0) > limits.seconds) throw beyond("seconds", limits.seconds);
}
