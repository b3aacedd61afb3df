import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StreamError } from "../../../core/errors.ts";
import { confined, type UploadDescription, type UploadFile } from "./upload-file.ts";

/** Bytes that ffprobe may say about one file. */
const MOST_SAID = 65_536;

interface Probed {
  readonly streams?: readonly ProbedStream[];
  readonly format?: { readonly duration?: string };
}
interface ProbedStream {
  readonly codec_type?: string;
  readonly width?: number;
  readonly height?: number;
  readonly disposition?: { readonly attached_pic?: number };
}

const ENTRIES = "stream=codec_type,width,height:stream_disposition=attached_pic:format=duration";

/**
 * What a file says it is.
 *
 * @throws {StreamError} `bad_upload` when ffprobe makes nothing of it; `encoder_failed` when there is none.
 */
export async function describeFile(file: UploadFile): Promise<UploadDescription> {
  const { streams = [], format } = await probed(file);
  const hasSound = streams.some(({ codec_type }) => codec_type === "audio");
  const picture = streams.find(isPicture);
  const kind = file.format.kind ?? (picture === undefined ? "sound" : "video");
  const isThere = kind === "sound" ? hasSound : picture !== undefined;
  if (!isThere) throw broken();
  const { width = null, height = null } = kind === "sound" ? {} : (picture ?? {});
  const seconds = kind === "image" ? null : secondsOf(format?.duration);
  return { kind, format: file.format.name, width, height, seconds, hasSound };
}

/** A cover of a piece of music is no picture of a video. */
const isPicture = ({ codec_type, width = 0, height = 0, disposition }: ProbedStream): boolean =>
  codec_type === "video" && width > 0 && height > 0 && disposition?.attached_pic !== 1;

const secondsOf = (text: string | undefined): number | null => {
  const seconds = Number(text);
  return seconds > 0 ? seconds : null;
};

const run = promisify(execFile);

async function probed(file: UploadFile): Promise<Probed> {
  const { path, limits } = file;
  const args = ["-v", "quiet", ...confined(file), "-show_entries", ENTRIES, "-of", "json", path];
  const bounds = { timeout: limits.time, killSignal: "SIGKILL", maxBuffer: MOST_SAID } as const;
  try {
    return JSON.parse((await run("ffprobe", args, bounds)).stdout) as Probed;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw code === "ENOENT" ? new StreamError("encoder_failed", "no ffprobe here") : broken(cause);
  }
}

const broken = (cause?: unknown): StreamError =>
  new StreamError("bad_upload", "this file is broken, or holds nothing that can be decoded", {
    cause,
  });
