/** Bundle the browser code into `clients/dist`: what the server serves at `/`. */

import { cp, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, type BuildResult, build } from "esbuild";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Folder of the built files. */
export const CLIENTS_DIST = here("dist");

/**
 * Build the console's page, the SDK, its decoding worker and its sound worklet.
 *
 * The same sources make the same bytes, and files are replaced one by one, `index.html` last: a server that
 * serves the folder meanwhile, or builds it too, is not disturbed. Names: `index.html`, `console.js`, `console.css`,
 * `zoetrope.js` (the SDK), `decode-worker.js`, `sound-worklet.js`, parts loaded on first use under `parts/`, and pages that use the
 * SDK under `examples/`.
 */
export async function buildClients(folder: string = CLIENTS_DIST): Promise<void> {
  const shared: BuildOptions = {
    outdir: folder,
    bundle: true,
    format: "esm",
    target: ["chrome107", "firefox130", "safari16.4"],
    minify: true,
    legalComments: "linked",
    sourcemap: true,
    metafile: true,
    logLevel: "warning",
  };
  const sdk = await build({
    ...shared,
    entryPoints: [
      { in: here("web/index.ts"), out: "zoetrope" },
      { in: here("web/decode-worker.ts"), out: "decode-worker" },
      { in: here("web/sound/sound-worklet.ts"), out: "sound-worklet" },
    ],
  });
  const page = await build({
    ...shared,
    entryPoints: [
      { in: here("console/main.ts"), out: "console" },
      { in: here("console/styles/console.css"), out: "console" },
    ],
    splitting: true,
    chunkNames: "parts/[name]-[hash]",
  });
  await removeOthers(folder, [sdk, page]);
  await cp(here("examples"), join(folder, "examples"), { recursive: true });
  await cp(here("console/page"), folder, { recursive: true });
}

/** Remove what earlier builds left and these ones did not make. */
async function removeOthers(folder: string, results: readonly BuildResult[]): Promise<void> {
  const made = results.flatMap(({ metafile }) => Object.keys(metafile?.outputs ?? {}));
  const kept = new Set(
    [
      ...made,
      ...(await filesIn(here("examples"), join(folder, "examples"))),
      ...(await filesIn(here("console/page"), folder)),
    ].map((path) => resolve(path)),
  );
  const found = await filesIn(folder);
  await Promise.all(found.filter((path) => !kept.has(path)).map((path) => rm(path)));
}

/** Absolute paths of the files below `folder`, as if they lay in `as`. */
async function filesIn(folder: string, as: string = folder): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => resolve(as, join(parentPath, name).slice(folder.length + 1)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildClients();
  console.log(`built ${CLIENTS_DIST}`);
}
