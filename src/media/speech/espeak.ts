/** Speech by eSpeak NG, a program of this machine's, a process for each sentence. */

import { execFile } from "node:child_process";
import { StreamError } from "../../core/errors.ts";
import type { Line, Sound } from "../synthesiser.ts";
import { sentencesOf } from "./sentences.ts";
import { soundOfWav } from "./wav.ts";

const PROGRAM = "espeak-ng";
const DEFAULT_VOICE = "en";
/** UTF-8 by standard input, so that no text is ever taken for an option; sound by standard output. */
const ARGUMENTS = ["-b", "1", "--stdin", "--stdout"] as const;
/** A sentence takes some 20 ms. */
const TIME_LIMIT_MS = 10_000;
/** Of one sentence: two minutes. */
const MOST_BYTES = 2 * 22_050 * 120;

/** Where the program is, and how. */
export interface EspeakOptions {
  /** Another program than the one on the path. */
  readonly program?: string;
}

/**
 * Say `line` by eSpeak NG, sentence by sentence; the next sentence is begun when the one before it was taken.
 *
 * @throws {StreamError} `speech_unavailable` when it is not installed; `speech_failed` when it ends badly, takes or says
 *   too much, or has no such voice.
 */
export async function* espeak(
  { text, voice = DEFAULT_VOICE }: Line,
  signal: AbortSignal,
  { program = PROGRAM }: EspeakOptions = {},
): AsyncGenerator<Sound> {
  for (const sentence of sentencesOf(text)) {
    yield soundOfWav(await run(program, voice, sentence, signal));
  }
}

/** The version of eSpeak NG on this machine. @throws {StreamError} `speech_unavailable`, `speech_failed`. */
export async function espeakVersion(): Promise<string> {
  const said = await output(PROGRAM, ["--version"], "", AbortSignal.timeout(TIME_LIMIT_MS));
  return /\d+(\.\d+)+/.exec(said.toString("utf8"))?.[0] ?? "unknown";
}

const run = (program: string, voice: string, text: string, signal: AbortSignal): Promise<Buffer> =>
  output(program, ["-v", voice, ...ARGUMENTS], text, signal);

function output(
  program: string,
  args: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const bounds = { timeout: TIME_LIMIT_MS, killSignal: "SIGKILL", maxBuffer: MOST_BYTES } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { ...bounds, signal, encoding: "buffer" },
      (cause, stdout, stderr) => {
        if (cause === null) resolve(stdout);
        else reject(refusal(cause, stderr.toString("utf8")));
      },
    );
    // A program that ends without reading is told of by how it ends.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

function refusal(cause: Error & { code?: unknown }, said: string): StreamError {
  if (cause.code === "ENOENT") {
    return new StreamError(
      "speech_unavailable",
      "there is no espeak-ng on the server: `apt-get install espeak-ng` brings it",
      { cause },
    );
  }
  const why = said.trim().split("\n")[0]?.slice(0, 200) ?? "";
  return new StreamError("speech_failed", `espeak-ng could not say it${why && `: ${why}`}`, {
    cause,
  });
}
