import { fork } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../core/log.ts";
import type { CallMessage, EngineMessage, StartMessage } from "./messages.ts";

/** The server's end of an engine process. */
export interface EngineChannel {
  readonly pid: number;
  /** Settles with how the process ended. */
  readonly ended: Promise<string>;
  /** Messages to a process that ended go nowhere. */
  post(message: StartMessage | CallMessage): void;
  /** Get each message from here on, instead of whoever got them before. */
  receive(receiver: (message: EngineMessage) => void): void;
  /** End it at once, frozen or not. */
  kill(): void;
}

const HOST = fileURLToPath(new URL("./host.ts", import.meta.url));
/**
 * Half of an engine's young generation, MB. Messages and latents become garbage with every block, and V8 lets as much of
 * it lie about as this generation may grow to: in minutes its own choice is tens of megabytes more, and longer pauses.
 */
const YOUNG_MB = 4;
/** Bounds of what a process's output may add to the log. */
const MOST_LINES = 200;
const MOST_LINE = 400;

/** Start an engine process. What it writes goes to the log, line by line, up to a bound. */
export function openChannel(logger: Logger): EngineChannel {
  const child = fork(HOST, {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning", `--max-semi-space-size=${YOUNG_MB}`],
  });
  const pid = child.pid ?? 0;
  let receiver: (message: EngineMessage) => void = () => undefined;
  child.on("message", (message) => receiver(message as EngineMessage));
  logLines([child.stdout, child.stderr], (line) => logger.warn({ pid, line }, "engine wrote"));
  // A process that cannot hear its server any more is of no use.
  child.on("disconnect", () => child.kill("SIGKILL"));
  // What ends the process is in `ended`; an error after its end has no meaning and must have a listener.
  child.on("error", () => undefined);
  return {
    pid,
    ended: endOf(child),
    post: (message) => {
      if (child.connected) child.send(message, () => undefined);
    },
    receive: (next) => {
      receiver = next;
    },
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}

async function endOf(child: ReturnType<typeof fork>): Promise<string> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    return signal === null ? `it exited with code ${code ?? 0}` : `it was ended by ${signal}`;
  } catch (cause) {
    // `once` rejects with the event `error`: the process could not be started.
    return `it could not be started: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

function logLines(streams: readonly (Readable | null)[], onLine: (line: string) => void): void {
  let lines = 0;
  for (const stream of streams) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (text: string) => {
      const complete = (rest + text).split("\n");
      rest = (complete.pop() ?? "").slice(0, MOST_LINE);
      for (const line of complete) {
        if (line.trim() !== "" && ++lines <= MOST_LINES) onLine(line.slice(0, MOST_LINE));
      }
    });
  }
}
