import { Writable } from "node:stream";
import { pino } from "pino";
import type { Logger } from "../core/log.ts";

/** Where log lines go and which. */
export interface LoggerOptions {
  readonly level: "error" | "warn" | "info" | "debug";
  /** `json`: one object a line; `readable`: for a person at a terminal. */
  readonly form: "json" | "readable";
  readonly to: NodeJS.WritableStream;
}

/** The logger behind `src/core/log.ts`. Lines carry no addresses, and secrets are masked. */
export const openLogger = ({ level, form, to }: LoggerOptions): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ["token", "*.token", "authorization", "ice"], censor: "[masked]" },
    },
    form === "json" ? to : readable(to),
  );

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
}

const COLOURS: Readonly<Record<string, number>> = { error: 31, warn: 33, info: 36, debug: 90 };

function readable(to: NodeJS.WritableStream): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      for (const text of String(chunk).split("\n")) if (text !== "") to.write(`${format(text)}\n`);
      done();
    },
  });
}

function format(text: string): string {
  const { level, time, msg, ...fields } = JSON.parse(text) as Line;
  const facts = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const colour = COLOURS[level] ?? 0;
  return `\u001b[90m${time.slice(11, 19)}\u001b[0m \u001b[${colour}m${level.padEnd(5)}\u001b[0m ${msg} \u001b[90m${facts.join(" ")}\u001b[0m`;
}
