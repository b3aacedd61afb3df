import { systemClock } from "../../core/clock.ts";
import { toStreamError } from "../../core/errors.ts";
import { loadPackage } from "../../models/package.ts";
import { startEngine } from "../../stream/engine/supervisor.ts";
import { ZoetropeServer } from "../app.ts";
import type { RawConfig } from "../config.ts";
import { builtConsole } from "../console-files.ts";
import { openLogger } from "../logger.ts";
import { findModels, type Models } from "../models.ts";
import { configOf } from "./options.ts";
import { bold, EXIT, faint, green, note, print, reportFailure, yellow } from "./output.ts";

/**
 * `zoetrope serve`: runs until a signal stops it.
 *
 * @throws {StreamError} `config_invalid`, `unknown_model`.
 */
export async function serve(flags: RawConfig): Promise<void> {
  const { config, sources } = configOf(flags);
  const logger = openLogger({
    level: config.log,
    form: process.stderr.isTTY ? "readable" : "json",
    to: process.stderr,
  });
  logger.debug({ ...config, sources }, "configuration");
  const models = await findModels(config.models, loadPackage, (path) => {
    note(faint(`reading ${path}`, process.stderr));
  });
  reportModels(models, config.models);
  const server = new ZoetropeServer({
    config,
    models,
    startEngine,
    clock: systemClock,
    logger,
    console: await builtConsole(note),
  });
  stopOnSignals(server);
  const address = await server.listen();
  await preload(server);
  print();
  print(`  ${bold("Zoetrope")} is ready: ${bold(green(addressWithToken(address, config.token)))}`);
  print(`  ${faint("Ctrl+C stops it.")}`);
  print();
}

function reportModels({ offered, refused }: Models, folders: readonly string[]): void {
  for (const { path, error } of refused) {
    note(`${yellow("skipped", process.stderr)} ${path}: ${error.message} [${error.code}]`);
  }
  if (offered.length > 0) return;
  note(
    `${yellow("warning", process.stderr)} there is no model to play in ${folders.join(", ")}: ` +
      "put a package there, or name its folder with --models",
  );
}

async function preload({ preloaded, engines }: ZoetropeServer): Promise<void> {
  for (const model of preloaded) {
    note(faint(`loading ${model.id}`, process.stderr));
    await engines.ready(model).catch((cause: unknown) => {
      const { message, code } = toStreamError(cause);
      note(
        `${yellow("warning", process.stderr)} ${model.id} cannot be played: ${message} [${code}]`,
      );
    });
  }
}

function addressWithToken(address: URL, token: string | undefined): string {
  if (token === undefined) return address.href;
  const url = new URL(address);
  url.searchParams.set("token", token);
  return url.href;
}

/** The first signal stops the server in order; a second one stops it at once. */
function stopOnSignals(server: ZoetropeServer): void {
  let isStopping = false;
  const stop = () => {
    if (isStopping) process.exit(EXIT.failed);
    isStopping = true;
    note("stopping");
    server.close().then(
      () => process.exit(EXIT.done),
      (cause: unknown) => process.exit(reportFailure(cause)),
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
