import ffmpeg from "fluent-ffmpeg";
import { StreamError } from "../../../core/errors.ts";
import { beyond, confined, type UploadFile } from "./upload-file.ts";

/** One run of ffmpeg on an upload. */
export interface DecodeOptions {
  /** What comes out, and how. */
  readonly options: readonly string[];
  /** Whether anything amiss in the file ends the run. */
  readonly strict: boolean;
  readonly mostBytes: number;
}

/** Lines of ffmpeg's complaints that are kept. */
const MOST_LINES = 10;
/** Of one piece of ffmpeg's own memory. */
const MOST_ALLOCATION = 2 ** 28;

/**
 * Decode a file; returns what ffmpeg wrote.
 *
 * @throws {StreamError} `bad_upload` when it failed, wrote more than `mostBytes`, or took too long.
 */
export async function decodeInto(file: UploadFile, run: DecodeOptions): Promise<Uint8Array> {
  const over = new AbortController();
  const tooLong = file.clock.sleep(file.limits.time, over.signal).then(
    () => beyond("time", file.limits.time),
    () => undefined,
  );
  try {
    return await decoded(file, run, tooLong);
  } finally {
    over.abort();
  }
}

function decoded(
  file: UploadFile,
  { options, strict, mostBytes }: DecodeOptions,
  tooLong: Promise<StreamError | undefined>,
): Promise<Uint8Array> {
  const command = ffmpeg(file.path, { stdoutLines: MOST_LINES })
    .inputOptions(["-nostdin", "-v", "error", "-max_alloc", String(MOST_ALLOCATION)])
    .inputOptions(["-threads", "1", ...(strict ? ["-xerror", "-err_detect", "explode"] : [])])
    .inputOptions([...confined(file)])
    .outputOptions([...options, "-t", String(file.limits.seconds), "-threads", "1"]);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    const giveUp = (error: StreamError): void => {
      isOver = true;
      reject(error);
      command.kill("SIGKILL");
    };
    // A process that does not run yet cannot be killed.
    command.once("start", () => {
      if (isOver) command.kill("SIGKILL");
    });
    command.once("error", (cause: Error) => {
      reject(new StreamError("bad_upload", "this file cannot be decoded", { cause }));
    });
    const output = command.pipe();
    output.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > mostBytes) giveUp(beyond("decoded_bytes", mostBytes));
      else parts.push(part);
    });
    const finished = Promise.all([
      new Promise((ended) => command.once("end", ended)),
      new Promise((ended) => output.once("end", ended)),
    ]);
    void finished.then(() => resolve(joined(parts)));
    void tooLong.then((error) => {
      if (error !== undefined) giveUp(error);
    });
  });
}

/** In memory of its own, so that it may be looked at as numbers of any size. */
function joined(parts: readonly Buffer[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
