#!/usr/bin/env node
/** The command line's entry. */

import { Command, CommanderError } from "commander";
import { VERSION } from "../version.ts";
import { doctorCommand } from "./doctor.ts";
import { modelsCommand } from "./models.ts";
import { EXIT, reportFailure } from "./output.ts";
import { renderCommand } from "./render.ts";
import { serveCommand } from "./serve.ts";

const program = new Command("zoetrope")
  .description("Streams video while a model generates it, steered live.")
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError("(--help lists what there is)");

for (const add of [serveCommand, modelsCommand, renderCommand, doctorCommand]) {
  add(program).exitOverride();
}

try {
  await program.parseAsync();
} catch (cause) {
  // Commander has printed what it has to say.
  if (cause instanceof CommanderError)
    process.exitCode = cause.exitCode === 0 ? EXIT.done : EXIT.usage;
  else process.exitCode = reportFailure(cause);
}
