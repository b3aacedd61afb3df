/** Scripts for pages. */

import { build } from "esbuild";

/** One script of `entry` and all it imports, for a browser. */
export async function pageScript(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  return result.outputFiles[0]?.text ?? "";
}
