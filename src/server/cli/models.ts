import { loadPackage } from "../../models/package.ts";
import type { RawConfig } from "../config.ts";
import { findModels, type Models, type OfferedModel } from "../models.ts";
import { configOf } from "./options.ts";
import { bold, EXIT, green, print, red, table } from "./output.ts";

const MIB = 2 ** 20;

/**
 * `zoetrope models`: exit code 1 when a package is not valid.
 *
 * @throws {StreamError} `config_invalid`.
 */
export async function listModels(flags: RawConfig): Promise<void> {
  const { config } = configOf(flags);
  const models = await findModels(config.models, loadPackage);
  if (flags["json"] === true) print(JSON.stringify(asJson(models), null, 2));
  else printTable(models, config.models);
  if (models.refused.length > 0) process.exitCode = EXIT.failed;
}

function printTable({ offered, refused }: Models, folders: readonly string[]): void {
  if (offered.length + refused.length === 0) {
    print(`no packages in ${folders.join(", ")}`);
    return;
  }
  const header = ["id", "title", "picture", "size", "valid"].map((name) => bold(name));
  const valid = offered.map((model) => [
    model.id,
    model.summary.title,
    pictureOf(model),
    sizeOf(model),
    green("yes"),
  ]);
  const invalid = refused.map(({ path, error }) => [
    path.split(/[\\/]/).at(-1) ?? path,
    "",
    "",
    "",
    `${red("no")}: ${error.message} [${error.code}]`,
  ]);
  for (const line of table([header, ...valid, ...invalid])) print(line);
}

const pictureOf = ({ summary: { video } }: OfferedModel): string =>
  `${video.width}×${video.height}@${video.frame_rate}`;

const bytesOf = ({ modelPackage }: OfferedModel): number =>
  Object.values(modelPackage.manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);

const sizeOf = (model: OfferedModel): string => `${(bytesOf(model) / MIB).toFixed(1)} MiB`;

const asJson = ({ offered, refused }: Models) => ({
  models: offered.map((model) => ({
    ...model.summary,
    path: model.modelPackage.path,
    bytes: bytesOf(model),
  })),
  refused: refused.map(({ path, error }) => ({ path, error: error.serialise() })),
});
