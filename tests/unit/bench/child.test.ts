import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { until } from "../../support/service.ts";

const OWNER = fileURLToPath(new URL("../../support/child-owner.ts", import.meta.url));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each(["at-once", "when-ready"])(
  "a bench that is killed %s leaves no process",
  async (when) => {
    const owner = spawn(process.execPath, [OWNER, when], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(owner.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    expect(isRunning(pid)).toBe(true);

    owner.kill("SIGKILL");

    await until(() => !isRunning(pid), "the process to end");
  },
);
