#!/usr/bin/env node
/** The command line's entry. */

import { Command, CommanderError } from "commander";
import { VERSION } from "../version.ts";
import { addCommands } from "./commands.ts";
import { EXIT, reportFailure } from "./output.ts";

const program = new Command("zoetrope")
  .description("Streams video while a model generates it, steered live.")
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError("(--help lists what there is)");

addCommands(program);
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (cause) {
  // Commander has printed what it has to say.
  if (cause instanceof CommanderError)
    process.exitCode = cause.exitCode === 0 ? EXIT.done : EXIT.usage;
  else process.exitCode = reportFailure(cause);
}
