import { execFile } from "node:child_process";
import { once } from "node:events";
import { rm, stat } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import ffmpeg from "fluent-ffmpeg";
import { StreamError } from "../../core/errors.ts";
import { as, type Bytes } from "../../core/units.ts";
import type { EncodedPicture } from "../encoder.ts";
import type { VideoFile, VideoFileOptions } from "./video-file.ts";

/** Containers the system's ffmpeg is asked for. */
export type TranscodedFormat = "mp4" | "webm" | "gif";

/** What a transcoded file is, beyond its pictures. */
export interface TranscodeOptions extends VideoFileOptions {
  readonly codec: "rgb";
  readonly format: TranscodedFormat;
  /** Whole number of pixels that each pixel becomes, both ways. */
  readonly scale: number;
}

/** GIF's clock counts in hundredths of a second, and viewers slow down what is faster than this. */
const GIF_RATE = 25;

const OUTPUT_OPTIONS: Readonly<Record<TranscodedFormat, readonly string[]>> = {
  mp4: ["-c:v libx264", "-preset medium", "-crf 16", "-pix_fmt yuv420p", "-movflags +faststart"],
  webm: ["-c:v libvpx", "-crf 8", "-b:v 8M", "-pix_fmt yuv420p"],
  gif: ["-loop 0"],
};

/**
 * Open a file that the system's ffmpeg makes from raw pictures.
 *
 * The same pictures make the same file: ffmpeg runs on one thread and writes no dates.
 * @throws {StreamError} `encoder_failed` when there is no ffmpeg; from `add` or `finish` when it fails.
 */
export async function openTranscodedFile(options: TranscodeOptions): Promise<VideoFile> {
  await ffmpegVersion();
  return new TranscodedFile(options);
}

/**
 * What the system's ffmpeg says it is.
 *
 * @throws {StreamError} `encoder_failed` when there is none.
 */
export async function ffmpegVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("ffmpeg", ["-version"]);
    return stdout.split("\n")[0] ?? "";
  } catch (cause) {
    throw new StreamError(
      "encoder_failed",
      "there is no ffmpeg on this machine: install it (Debian: apt-get install ffmpeg)",
      { cause },
    );
  }
}

class TranscodedFile implements VideoFile {
  readonly #path: string;
  readonly #pictures = new PassThrough();
  readonly #command: ffmpeg.FfmpegCommand;
  readonly #done: Promise<void>;

  constructor(options: TranscodeOptions) {
    this.#path = options.path;
    this.#command = commandOf(options, this.#pictures);
    this.#done = new Promise((resolve, reject) => {
      this.#command.once("end", () => {
        resolve();
      });
      this.#command.once("error", (error: Error, _stdout: string | null, stderr: string | null) => {
        reject(failed(error, stderr ?? ""));
      });
    });
    // Whoever waits for the file gets the reason; a pipe that broke because of it says nothing more.
    this.#done.catch(() => undefined);
    this.#pictures.on("error", () => undefined);
    this.#command.save(options.path);
  }

  async add({ data }: EncodedPicture): Promise<void> {
    if (this.#pictures.write(data)) return;
    await Promise.race([once(this.#pictures, "drain"), this.#done]);
  }

  async finish(): Promise<Bytes> {
    this.#pictures.end();
    await this.#done;
    return as((await stat(this.#path)).size);
  }

  async cancel(): Promise<void> {
    this.#command.kill("SIGKILL");
    await this.#done.catch(() => undefined);
    await rm(this.#path, { force: true });
  }
}

function commandOf(options: TranscodeOptions, pictures: PassThrough): ffmpeg.FfmpegCommand {
  const { width, height, frameRate, format, scale } = options;
  const enlarged = `scale=${width * scale}:${height * scale}:flags=neighbor`;
  const filter =
    format === "gif"
      ? `fps=${Math.min(frameRate, GIF_RATE)},${enlarged},split[a][b];[a]palettegen[p];[b][p]paletteuse`
      : enlarged;
  return ffmpeg(pictures)
    .inputFormat("rawvideo")
    .inputOptions(["-pix_fmt rgb24", `-s ${width}x${height}`, `-r ${frameRate}`])
    .complexFilter(filter)
    .outputOptions([
      ...OUTPUT_OPTIONS[format],
      "-threads 1",
      "-map_metadata -1",
      "-fflags +bitexact",
    ])
    .format(format);
}

function failed(cause: Error, stderr: string): StreamError {
  const said = stderr.trim().split("\n").at(-1) ?? "";
  return new StreamError("encoder_failed", `ffmpeg failed: ${said || cause.message}`, { cause });
}
