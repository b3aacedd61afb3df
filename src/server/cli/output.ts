/** What the command line prints: results to stdout, everything about the way there to stderr. */

import { StreamError, toStreamError } from "../../core/errors.ts";
import { EXIT_CONFIG } from "../config.ts";

/** Exit codes: done, failed, used wrongly, configured wrongly. */
export const EXIT = { done: 0, failed: 1, usage: 2, config: EXIT_CONFIG } as const;

const isTerminal = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY && process.env["NO_COLOR"] === undefined;

const paint =
  (code: number) =>
  (text: string, stream: NodeJS.WriteStream = process.stdout): string =>
    isTerminal(stream) ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = paint(1);
export const faint = paint(90);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);

/** A line of the result. */
export const print = (line = ""): void => void process.stdout.write(`${line}\n`);

/** A line about the way there. */
export const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** Columns as wide as their widest cell. Cells may be painted. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => visibleLength(row[column] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat(Math.max(0, (widths[i] ?? 0) - visibleLength(cell))))
      .join("  ")
      .trimEnd(),
  );
}

/** Length of `text` without colour codes. */
const visibleLength = (text: string): number =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one.
  text.replace(/\u001b\[\d+m/g, "").length;

/** Say what went wrong; returns the exit code for it. */
export function reportFailure(cause: unknown): number {
  const error = toStreamError(cause, "internal", "end-session");
  note(
    `${red("error", process.stderr)} ${error.message} ${faint(`[${error.code}]`, process.stderr)}`,
  );
  if (!StreamError.is(cause) && cause instanceof Error && cause.stack !== undefined) {
    note(faint(cause.stack, process.stderr));
  }
  return error.code === "config_invalid" ? EXIT.config : EXIT.failed;
}
