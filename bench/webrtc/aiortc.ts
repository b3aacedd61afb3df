/** Plain aiortc beside Zoetrope: the same pictures and sound, its own defaults. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { SAMPLE_RATE, testSignal } from "../../src/media/sound/test-signal.ts";
import type { Source } from "./source.ts";
import { testPictures, VIDEO } from "./test-pictures.ts";

const RUN = fileURLToPath(new URL("../aiortc/run", import.meta.url));
/** Its Python environment is made the first time. */
const READY_WITHIN_MS = 300_000;

/** Start it. @throws {Error} when it does not say where it listens. */
export async function startAiortc(): Promise<Source> {
  const folder = await mkdtemp(join(tmpdir(), "zoetrope-bench-"));
  const [pictures, sound] = [join(folder, "pictures.rgb"), join(folder, "sound.f32")];
  await writePictures(pictures);
  await writeFile(sound, testSignal(0, SAMPLE_RATE, VIDEO.frameRate));
  // Its input stays open for as long as this process lives, however that ends.
  const child = spawn(RUN, [pictures, sound], { stdio: ["pipe", "pipe", "inherit"] });
  // It has read the files when it says where it is.
  const origin = await originOf(child).finally(() => rm(folder, { recursive: true }));
  return {
    name: "aiortc",
    origin,
    pid: child.pid ?? 0,
    open: () =>
      Promise.resolve({
        target: () => ({ url: `${origin}/whep`, token: "none" }),
        close: () => Promise.resolve(),
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

function originOf(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("aiortc did not start"));
    setTimeout(fail, READY_WITHIN_MS).unref();
    child.once("exit", fail);
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
  });
}

async function writePictures(path: string): Promise<void> {
  const file = await open(path, "w");
  for (const rgb of testPictures()) await file.write(rgb);
  await file.close();
}
