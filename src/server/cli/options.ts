import { type Command, Option } from "commander";
import {
  type RawConfig,
  type ResolvedConfig,
  resolveConfig,
  type Setting,
  settings,
} from "../config.ts";

/** Give `command` a flag for each of the named settings, and one for the configuration file. */
export function addSettings(command: Command, keys: readonly Setting["key"][]): Command {
  for (const setting of settings) {
    if (keys.includes(setting.key)) command.addOption(optionOf(setting));
  }
  return command.option("--config <FILE>", "JSON file with settings (ZOETROPE_CONFIG)");
}

/** The configuration that the flags of a command, the environment and a file make. */
export function configOf(flags: RawConfig): ResolvedConfig {
  const { config: file, ...rest } = flags;
  const known = Object.fromEntries(
    Object.entries(rest).filter(([key]) => settings.some((setting) => setting.key === key)),
  );
  return resolveConfig({
    flags: known,
    environment: process.env,
    file: typeof file === "string" ? file : undefined,
  });
}

function optionOf(setting: Setting): Option {
  const { flag, kind, title, placeholder, environment } = setting;
  const value =
    kind === "switch" ? "" : kind === "list" ? ` <${placeholder}...>` : ` <${placeholder}>`;
  const shown = setting.default === undefined ? "" : `, default ${setting.default}`;
  return new Option(`--${flag}${value}`, `${title} (${environment}${shown})`);
}
