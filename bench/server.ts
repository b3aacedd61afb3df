/** The server as a user starts it, in a process of its own. */

import { spawn } from "node:child_process";
import { childrenOf, processorTime } from "./processor-time.ts";

/** A server that runs. Lifetime: until `stop`. */
export interface RunningServer {
  readonly address: URL;
  readonly pid: number;
  readonly stop: () => void;
}

/** `zoetrope serve`, with `model` loaded. @throws {Error} with what it printed when it does not start. */
export async function startServer(model: string): Promise<RunningServer> {
  const flags = ["serve", "--port", "0", "--preload", model];
  const child = spawn(process.execPath, ["src/server/cli/main.ts", ...flags], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let printed = "";
  const address = await new Promise<URL>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`the server did not start:\n${printed}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      const found = /http:\/\/[\w.:-]+\/?/.exec(printed)?.[0];
      if (found !== undefined) resolve(new URL(found));
    });
  });
  return { address, pid: child.pid ?? 0, stop: () => void child.kill("SIGTERM") };
}

/** Processor time used so far by a server and by its engines, milliseconds. */
export interface ProcessorTimes {
  readonly server: number;
  readonly engines: number;
}

/** Of the server with process id `server`, and of its children. */
export const processorTimes = (server: number): ProcessorTimes => ({
  server: processorTime(server),
  engines: childrenOf(server).reduce((sum, pid) => sum + processorTime(pid), 0),
});
