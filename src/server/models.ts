/** The model packages this server offers, found in folders at start. */

import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StreamError, toStreamError } from "../core/errors.ts";
import { modelCache } from "../models/arena.ts";
import type { Manifest } from "../models/manifest.ts";
import type { ModelCache } from "../models/model.ts";
import type { ModelPackage } from "../models/package.ts";
import { speechShape } from "../models/speech.ts";
import type { ModelSummary } from "../protocol/events.ts";
import { liveParametersSchema, type ObjectSchema } from "../protocol/messages.ts";
import type { SessionModel } from "../stream/model.ts";
import { cacheSummaryOf } from "./cache-messages.ts";

/** Reads and checks one package folder. */
export type LoadPackage = (path: string) => Promise<ModelPackage>;

/** A package that can be played. */
export interface OfferedModel {
  readonly id: string;
  readonly modelPackage: ModelPackage;
  /** What clients are told of it. */
  readonly summary: ModelSummary;
  /** What a session must know of it. */
  readonly session: SessionModel;
}

/** A folder that holds a manifest but no package that can be played, and why. */
export interface RefusedPackage {
  readonly path: string;
  readonly error: StreamError;
}

const MANIFEST = "manifest.json";

/** Packages by id. Ids are looked up here and never become part of a path. */
export class Models {
  readonly offered: readonly OfferedModel[];
  readonly refused: readonly RefusedPackage[];
  readonly #byId: ReadonlyMap<string, OfferedModel>;

  constructor(offered: readonly OfferedModel[], refused: readonly RefusedPackage[]) {
    this.offered = offered;
    this.refused = refused;
    this.#byId = new Map(offered.map((model) => [model.id, model]));
  }

  /** @throws {StreamError} `unknown_model`, saying which there are. */
  get(id: string): OfferedModel {
    const model = this.#byId.get(id);
    if (model !== undefined) return model;
    const known = this.offered.map((each) => each.id).join(", ");
    throw new StreamError(
      "unknown_model",
      `this server has no model \`${id.slice(0, 64)}\`; it has: ${known || "none"}`,
    );
  }
}

/**
 * Find and check every package in `folders`; each is a package itself or holds packages.
 *
 * `progress` is told of each package before it is read. A package that is not valid is kept with the reason.
 * @throws {StreamError} `config_invalid` when a folder cannot be read.
 */
export async function findModels(
  folders: readonly string[],
  load: LoadPackage,
  progress: (path: string) => void = () => undefined,
): Promise<Models> {
  const offered = new Map<string, OfferedModel>();
  const refused: RefusedPackage[] = [];
  for (const path of await packageFolders(folders)) {
    progress(path);
    try {
      const model = offer(await load(path));
      const taken = offered.get(model.id);
      if (taken !== undefined) throw duplicate(model.id, taken.modelPackage.path);
      offered.set(model.id, model);
    } catch (cause) {
      refused.push({ path, error: toStreamError(cause, "package_invalid", "refuse") });
    }
  }
  return new Models([...offered.values()], refused);
}

async function packageFolders(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((folder) => packagesIn(resolve(folder))));
  return [...new Set(found.flat())];
}

async function packagesIn(folder: string): Promise<string[]> {
  if (await isFile(join(folder, MANIFEST))) return [folder];
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new StreamError(
      "config_invalid",
      `${whyUnreadable(folder, cause)}: put model packages there, or name another folder with --models`,
      { cause, detail: { setting: "models" } },
    );
  });
  const inside = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .toSorted();
  const isPackage = await Promise.all(inside.map((path) => isFile(join(path, MANIFEST))));
  return inside.filter((_, i) => isPackage[i]);
}

function whyUnreadable(folder: string, cause: unknown): string {
  const { code = "unknown" } = cause as { readonly code?: string };
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `there is no models folder ${folder}`,
    ENOTDIR: `the models folder ${folder} is a file`,
    EACCES: `the models folder ${folder} may not be read`,
  };
  return reasons[code] ?? `cannot read the models folder ${folder} (${code})`;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );

const duplicate = (id: string, path: string): StreamError =>
  new StreamError("package_invalid", `the id \`${id}\` is taken by the package in ${path}`, {
    detail: { id },
  });

const offer = (modelPackage: ModelPackage): OfferedModel => ({
  id: modelPackage.manifest.id,
  modelPackage,
  summary: summaryOf(modelPackage.manifest),
  session: sessionModelOf(modelPackage.manifest),
});

/** Step counts the schedule has noise levels for, ascending. */
const stepChoices = ({ schedule }: Manifest): number[] =>
  Object.keys(schedule.sigmas)
    .map(Number)
    .toSorted((a, b) => a - b);

function summaryOf(manifest: Manifest): ModelSummary {
  const { id, version, title, description, licence, cover, controls } = manifest;
  const { width, height, frameRate, framesPerBlock, scaling = "smooth" } = manifest.lanes.video;
  return {
    id,
    version,
    title,
    description,
    licence,
    cover: cover === undefined ? null : `/v1/models/${id}/cover`,
    video: { width, height, frame_rate: frameRate, scaling },
    frames_per_block: framesPerBlock,
    steps: { default: manifest.schedule.defaultSteps, choices: stepChoices(manifest) },
    cache: cacheSummaryOf(modelCache(manifest, true)),
    controls,
    starts: manifest.starts.map((start) => ({ id: start.id, title: start.title })),
    speech: speechSummaryOf(manifest),
  };
}

function speechSummaryOf({ lanes: { speech } }: Manifest): ModelSummary["speech"] {
  if (speech === undefined) return null;
  const { sampleRate, samplesPerFrame, lookAheadFrames } = speech;
  return {
    sample_rate: sampleRate,
    look_ahead_ms: (lookAheadFrames * samplesPerFrame * 1000) / sampleRate,
  };
}

function sessionModelOf(manifest: Manifest): SessionModel {
  const { frameRate, framesPerBlock } = manifest.lanes.video;
  const speech = speechShape(manifest);
  return {
    controls: manifest.controls,
    frameRate,
    framesPerBlock,
    steps: { default: manifest.schedule.defaultSteps, choices: stepChoices(manifest) },
    cache: modelCache(manifest, true),
    starts: manifest.starts.map(({ id }) => id),
    ...(speech !== undefined && { speech }),
  };
}

/** `model` where `cache` is what sessions may choose of their caches. */
export const withCache = (model: OfferedModel, cache: ModelCache): OfferedModel => ({
  ...model,
  summary: { ...model.summary, cache: cacheSummaryOf(cache) },
  session: { ...model.session, cache },
});

/** JSON Schema of what may change of `model` while it runs: the protocol's, narrowed to what it can do. */
export function parametersSchemaOf({ session }: OfferedModel): ObjectSchema {
  const schema = liveParametersSchema();
  const { steps, framesPerBlock, speech } = session;
  const { allowance, initial } = session.cache;
  const narrowed: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    steps: { enum: steps.choices, default: steps.default },
    window_frames: {
      minimum: framesPerBlock,
      maximum: allowance.windowFrames,
      default: initial.windowFrames,
    },
    sink_frames: { minimum: 0, maximum: allowance.sinkFrames, default: initial.sinkFrames },
    sound:
      speech === undefined ? { enum: ["none", "test"], default: "none" } : { default: "voice" },
  };
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [
      name,
      { ...property, ...narrowed[name] },
    ]),
  );
  return { ...schema, properties };
}
