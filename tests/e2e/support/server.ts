/** The real server as its own process, as a user starts it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const READY_WITHIN_MS = 60_000;

/** The line of the log that says that an engine is ready. */
const ENGINE_READY = /"pid":(\d+)[^\n]*"msg":"engine ready"/g;

/** A server that accepts requests at `address`. */
export interface TestServer {
  readonly address: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** The process id of the newest engine. */
  readonly enginePid: () => number;
  readonly stop: () => Promise<void>;
}

/** Start `zoetrope serve` with the tiny packages on a free port, and wait until it says where it is. */
export async function serve(...flags: string[]): Promise<TestServer> {
  const child = spawn(
    process.execPath,
    ["src/server/cli/main.ts", "serve", "--port", "0", "--models", "tests/fixtures", ...flags],
    { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] },
  );
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      printed += text;
    });
  }
  const address = await new Promise<URL>((resolve, reject) => {
    const fail = () => {
      reject(new Error(`the server did not start:\n${printed}`));
    };
    const deadline = setTimeout(fail, READY_WITHIN_MS);
    child.once("exit", fail);
    child.stdout.on("data", () => {
      const found = /https?:\/\/[\w.[\]:-]+:\d+\/?\S*/.exec(printed)?.[0];
      if (found === undefined) return;
      clearTimeout(deadline);
      child.off("exit", fail);
      resolve(new URL(found));
    });
  });
  return {
    address: address.origin,
    port: Number(address.port),
    process: child,
    enginePid: () => Number([...printed.matchAll(ENGINE_READY)].at(-1)?.[1]),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}
