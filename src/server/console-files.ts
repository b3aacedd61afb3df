import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The built page, and everything it is built from. */
const BUILT = at("../../clients/dist");
const BUILT_PAGE = join(BUILT, "index.html");
const SOURCES = [
  "../../clients/console",
  "../../clients/web",
  "../../clients/examples",
  "../core",
  "../protocol",
].map(at);

/**
 * Folder of the built console; built first where it is missing or older than its sources.
 *
 * `progress` is told before a build begins.
 */
export async function builtConsole(progress: (line: string) => void): Promise<string> {
  const builtAt = await modifiedAt(BUILT_PAGE);
  const newest = await Promise.all(SOURCES.map(newestIn));
  if (builtAt >= Math.max(...newest)) return BUILT;
  progress("building the page");
  const { buildClients } = await import("../../clients/build.ts");
  await buildClients();
  return BUILT;
}

/** Milliseconds since the epoch; 0 for what does not exist. */
const modifiedAt = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

async function newestIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true });
  const times = await Promise.all(entries.map((entry) => modifiedAt(join(folder, entry))));
  return Math.max(0, ...times);
}
