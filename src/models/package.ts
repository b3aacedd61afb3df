import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { open, readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ErrorCode, StreamError } from "../core/errors.ts";
import { checkGraphFile } from "./graph-check.ts";
import { type GraphRole, type Manifest, parseManifest } from "./manifest.ts";
import { checkStartPicture } from "./pictures.ts";
import { graphSignatures } from "./signatures.ts";

/** A package folder whose manifest, files and graphs were checked. */
export interface ModelPackage {
  /** Absolute. */
  readonly path: string;
  readonly manifest: Manifest;
  /** SHA-256 of `manifest.json`, hexadecimal; it covers every file, since the manifest holds their digests. */
  readonly digest: string;
  /** Absolute path of a file the manifest lists. @throws {StreamError} `package_missing_file` for another. */
  file(name: string): string;
}

const MANIFEST = "manifest.json";
const MOST_MANIFEST_BYTES = 2 ** 20;

/**
 * Load the package in the folder `path` and check everything about it: schema, files, digests, graphs, starts.
 *
 * @throws {StreamError} `package_invalid`, `package_missing_file`, `package_digest`, `package_shape` or
 *   `package_external_data`; the message names the file and key at fault and says what to do.
 */
export async function loadPackage(path: string): Promise<ModelPackage> {
  const folder = await folderOf(path);
  const bytes = await readManifest(folder);
  const manifest = parseManifest(parseJson(bytes));
  for (const name of Object.keys(manifest.files)) await checkFile(folder, name, manifest);
  for (const [role, signature] of Object.entries(graphSignatures(manifest))) {
    for (const key of ["graphs", "fullPrecision"] as const) {
      const name = manifest[key]?.[role as GraphRole];
      if (name === undefined) continue;
      const graph = { name, key: `${key}.${role}` };
      checkGraphFile(graph, await readFile(join(folder, name)), signature, manifest);
    }
  }
  for (const { image } of manifest.starts) {
    checkStartPicture(image, await readFile(join(folder, image)), manifest.lanes.video);
  }
  return {
    path: folder,
    manifest,
    digest: createHash("sha256").update(bytes).digest("hex"),
    file: (name) => {
      if (Object.hasOwn(manifest.files, name)) return join(folder, name);
      throw failure("package_missing_file", name, "is not listed in `files` of manifest.json");
    },
  };
}

const failure = (code: ErrorCode, file: string, message: string, cause?: unknown): StreamError =>
  new StreamError(code, `${file}: ${message}`, { detail: { file }, cause });

async function folderOf(path: string): Promise<string> {
  try {
    return await realpath(resolve(path));
  } catch (cause) {
    throw failure("package_missing_file", basename(path), "there is no such package folder", cause);
  }
}

async function readManifest(folder: string): Promise<Buffer> {
  const handle = await open(join(folder, MANIFEST)).catch((cause: unknown) => {
    throw failure("package_missing_file", MANIFEST, "the package folder has no manifest", cause);
  });
  try {
    const { size, isFile } = factsOf(await handle.stat());
    if (!isFile) throw failure("package_missing_file", MANIFEST, "is not a plain file");
    if (size > MOST_MANIFEST_BYTES) {
      throw failure("package_invalid", MANIFEST, `is larger than ${MOST_MANIFEST_BYTES} bytes`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw failure("package_invalid", MANIFEST, "is not JSON", cause);
  }
}

/** One file is inside the folder, is a plain file, and has the listed size and digest. */
async function checkFile(folder: string, name: string, manifest: Manifest): Promise<void> {
  const listed = manifest.files[name];
  if (listed === undefined) return;
  const path = await realpath(join(folder, name)).catch((cause: unknown) => {
    throw failure("package_missing_file", name, "is listed in `files` but is not there", cause);
  });
  if (!path.startsWith(`${folder}${sep}`)) {
    throw failure(
      "package_invalid",
      name,
      "leads out of the package folder; copy the file into it",
    );
  }
  const { size, isFile } = factsOf(await stat(path));
  if (!isFile) throw failure("package_missing_file", name, "is not a plain file");
  if (size !== listed.bytes) {
    const sizes = `has ${size} bytes, \`files\` says ${listed.bytes}`;
    throw failure("package_digest", name, `${sizes}; fetch or export the package again`);
  }
  const digest = await digestOf(path);
  if (digest !== listed.sha256) {
    const digests = `has SHA-256 ${digest}, \`files\` says ${listed.sha256}`;
    throw failure("package_digest", name, `${digests}; fetch or export the package again`);
  }
}

const factsOf = (stats: Stats): { readonly size: number; readonly isFile: boolean } => ({
  size: stats.size,
  isFile: stats.isFile(),
});

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}
