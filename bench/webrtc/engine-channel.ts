import { fork } from "node:child_process";
import { once } from "node:events";
import type { EngineChannel } from "../../src/stream/engine/channel.ts";
import type { EngineMessage } from "../../src/stream/engine/messages.ts";

const ENTRY = new URL("./engine-process.ts", import.meta.url);

/** Start the engine process of a bench. */
export function openTestEngine(): EngineChannel {
  const child = fork(ENTRY, {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  let receiver: (message: EngineMessage) => void = () => undefined;
  child.on("message", (message) => receiver(message as EngineMessage));
  return {
    pid: child.pid ?? 0,
    ended: once(child, "exit").then(([code]) => `it exited with code ${String(code)}`),
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
