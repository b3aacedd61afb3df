/** Bundle the browser code into `clients/dist`: what the server serves at `/`. */

import { cp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Folder of the built files. */
export const CLIENTS_DIST = here("dist");

/**
 * Build the console's page, the SDK and its decoding worker.
 *
 * The same sources make the same bytes. Names: `index.html`, `console.js`, `console.css`,
 * `zoetrope.js` (the SDK), `decode-worker.js`, and parts loaded on first use under `parts/`.
 */
export async function buildClients(folder: string = CLIENTS_DIST): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const shared: BuildOptions = {
    outdir: folder,
    bundle: true,
    format: "esm",
    target: ["chrome107", "firefox130", "safari16.4"],
    minify: true,
    legalComments: "linked",
    sourcemap: true,
    logLevel: "warning",
  };
  await build({
    ...shared,
    entryPoints: [
      { in: here("web/index.ts"), out: "zoetrope" },
      { in: here("web/decode-worker.ts"), out: "decode-worker" },
    ],
  });
  await build({
    ...shared,
    entryPoints: [
      { in: here("console/main.ts"), out: "console" },
      { in: here("console/styles/console.css"), out: "console" },
    ],
    splitting: true,
    chunkNames: "parts/[name]-[hash]",
  });
  await cp(here("console/page"), folder, { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildClients();
  console.log(`built ${CLIENTS_DIST}`);
}
