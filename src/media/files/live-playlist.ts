import { once } from "node:events";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import ffmpeg from "fluent-ffmpeg";
import { StreamError } from "../../core/errors.ts";
import { as, type Bytes } from "../../core/units.ts";
import type { TimedPicture } from "../moments.ts";
import { Recorder, type RecorderEnd, type RecordingTarget } from "./recorder.ts";
import { PIECE_SECONDS, type RecordingOptions } from "./recording-file.ts";

/** Name of the playlist in its folder. */
export const PLAYLIST = "index.m3u8";
/** Names that a playlist's files have. */
export const PLAYLIST_FILES = /^(?:index\.m3u8|init\.mp4|segment-\d{1,9}\.m4s)$/;

/** What a live playlist shows, and the folder, its own and empty, that it is in. */
export interface LivePlaylistOptions extends Omit<RecordingOptions, "format"> {
  readonly folder: string;
}

/** Segments in the playlist; one more stays on disk for who is just loading it. */
const SEGMENTS = 6;

/**
 * An HLS playlist (RFC 8216) of a stream as it comes: H.264 and Opus in fragmented MP4, nothing encoded again.
 *
 * The system's ffmpeg cuts the segments and removes old ones.
 * Lifetime: from construction until `ended` settles: after `stop`, or when ffmpeg died. The folder is the
 * caller's to remove.
 */
export class LivePlaylist {
  /** Settles when ffmpeg is gone; never rejects. */
  readonly ended: Promise<RecorderEnd>;
  readonly #recorder: Recorder;
  readonly #pipe: FfmpegPipe;

  constructor({ folder, ...video }: LivePlaylistOptions) {
    this.#pipe = new FfmpegPipe(folder);
    this.#recorder = new Recorder({
      ...video,
      format: "mp4",
      open: () => Promise.resolve(this.#pipe),
      mostBytes: as(Number.POSITIVE_INFINITY),
    });
    this.ended = this.#end();
  }

  /** The next picture of the stream. */
  take(picture: TimedPicture): void {
    this.#recorder.take(picture);
  }

  /** End the playlist; what it was told so far may be lost. */
  stop(): void {
    this.#recorder.stop();
    this.#pipe.kill();
  }

  async #end(): Promise<RecorderEnd> {
    const [end] = await Promise.all([
      Promise.race([this.#recorder.ended, this.#pipe.gone]),
      this.#pipe.gone,
    ]);
    this.#recorder.stop();
    return end;
  }
}

/** Bytes go in, segments come out in a folder. */
class FfmpegPipe implements RecordingTarget {
  readonly #input = new PassThrough();
  readonly #command: ffmpeg.FfmpegCommand;
  #size = 0;
  #isStopped = false;
  /** Settles when the process is gone, with the reason. */
  readonly gone: Promise<RecorderEnd>;

  constructor(folder: string) {
    this.#command = commandOf(this.#input, folder);
    this.gone = new Promise((resolve) => {
      this.#command.once("end", () => {
        resolve({ reason: "stopped" });
      });
      this.#command.once("error", (cause: Error) => {
        resolve(this.#isStopped ? { reason: "stopped" } : { reason: "failed", error: died(cause) });
      });
    });
    // A process that does not run yet cannot be killed.
    this.#command.once("start", () => {
      if (this.#isStopped) this.kill();
    });
    // A pipe that breaks says no more than that the process is gone.
    this.#input.on("error", () => undefined);
    this.#command.save(join(folder, PLAYLIST));
  }

  get size(): Bytes {
    return as(this.#size);
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.#input.write(data)) {
      const end = await Promise.race([once(this.#input, "drain"), this.gone]);
      if ("reason" in end) throw end.error ?? died();
    }
    this.#size += data.length;
  }

  close(): Promise<void> {
    this.#input.end();
    return Promise.resolve();
  }

  kill(): void {
    this.#isStopped = true;
    this.#command.kill("SIGKILL");
  }
}

const commandOf = (input: PassThrough, folder: string): ffmpeg.FfmpegCommand =>
  ffmpeg(input)
    .inputFormat("mp4")
    .inputOptions(["-protocol_whitelist", "pipe,file"])
    .outputOptions(["-c", "copy", "-map", "0"])
    .outputOptions(["-hls_time", String(PIECE_SECONDS), "-hls_list_size", String(SEGMENTS)])
    .outputOptions(["-hls_flags", "delete_segments+independent_segments+temp_file"])
    .outputOptions(["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"])
    .outputOptions(["-hls_segment_filename", join(folder, "segment-%d.m4s")])
    .format("hls");

const died = (cause?: Error): StreamError =>
  new StreamError("encoder_failed", "the ffmpeg of this playlist ended", { cause });
