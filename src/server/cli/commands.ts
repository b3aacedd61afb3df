/** The commands and their flags. What a command does is loaded when it is called for. */

import { type Command, InvalidArgumentError } from "commander";
import { type RawConfig, settings } from "../config.ts";
import { addSettings } from "./options.ts";
import type { RenderFlags } from "./render.ts";

/** Bits per second of a rendered file: it should lose nothing that a picture shows. */
const RENDER_BITRATE = 8_000_000;

/** Give `program` its commands. */
export function addCommands(program: Command): void {
  addServe(program);
  addModels(program);
  addRender(program);
  addDoctor(program);
}

function addServe(program: Command): void {
  const command = program.command("serve").description("start the server and the page");
  addSettings(
    command,
    settings.map(({ key }) => key),
  ).action(async (flags: RawConfig) => {
    const { serve } = await import("./serve.ts");
    await serve(flags);
  });
}

function addModels(program: Command): void {
  const command = program
    .command("models")
    .description("list the packages, and whether they can be played");
  addSettings(command, ["models"])
    .option("--json", "print JSON")
    .action(async (flags: RawConfig) => {
      const { listModels } = await import("./models.ts");
      await listModels(flags);
    });
}

function addRender(program: Command): void {
  const command = program
    .command("render")
    .description("play an action log into a video file (.mp4, .webm, or .gif by ffmpeg)")
    .requiredOption("-o, --output <FILE>", "the file to write")
    .option("-a, --actions <FILE>", "action log, JSON or JSON lines; - reads standard input")
    .option("-m, --model <ID>", "the model; the log's, or the only one there is")
    .option("--seed <N>", "seed of all noise; the log's, or 0", wholeNumber)
    .option("--start <ID>", "where to start; the log's, or the model's first")
    .option("--steps <N>", "denoising steps; the log's, or the model's own", wholeNumber)
    .option("--frames <N>", "length in frames; the log's", positiveNumber)
    .option("--seconds <N>", "length in seconds; 10 when nothing says", positiveNumber)
    .option("--bitrate <N>", "bits per second of .mp4 and .webm", positiveNumber, RENDER_BITRATE)
    .option("--scale <N>", "enlarge each pixel this much, by ffmpeg", wholeNumber, 1);
  addSettings(command, ["models", "provider", "threads", "deadline"]).action(
    async (flags: RenderFlags & RawConfig) => {
      const { renderFile } = await import("./render.ts");
      await renderFile(flags);
    },
  );
}

function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("say what this machine can do, and why something will not work");
  addSettings(command, ["host", "port", "models", "provider", "deadline", "token", "open"])
    .option("--json", "print JSON")
    .action(async (flags: RawConfig) => {
      const { doctor } = await import("./doctor.ts");
      await doctor(flags);
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && text.trim() !== "") return value;
  throw new InvalidArgumentError("a whole number is needed");
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("a number above 0 is needed");
}
