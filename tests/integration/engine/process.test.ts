import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type LogFields, type Logger, silentLogger } from "../../../src/core/log.ts";
import { play, realEngine, sessionOptions, types } from "../../support/engine.ts";
import { until } from "../../support/service.ts";

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("an engine process", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)(
    "ends when its server was ended by %s",
    async (signal) => {
      const owner = fork(fileURLToPath(new URL("../../support/engine-owner.ts", import.meta.url)), {
        silent: true,
      });
      const [line] = (await once(owner.stdout ?? owner, "data")) as [Buffer];
      const pid = Number(line.toString());
      expect(isAlive(pid)).toBe(true);

      owner.kill(signal);

      await until(() => !isAlive(pid), "the engine to end with its server");
    },
  );

  it("goes when it is told to, and another comes", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));
    await play(session, 0, 1);

    process.kill(test.engine.pid, "SIGTERM");

    expect(await play(session, 1, 1)).toHaveLength(1);
    expect(types(test.events)).toContain("engine-lost");
  });

  it("does not heed an interrupt at the terminal, which is its server's to answer", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));

    process.kill(test.engine.pid, "SIGINT");
    await play(session, 0, 5);

    expect(types(test.events)).toEqual(["engine-ready"]);
  });
});

describe("what an engine process writes", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("goes to the log line by line, up to a bound", async () => {
    // Node itself writes thousands of lines to stderr with this.
    vi.stubEnv("NODE_DEBUG", "timer,stream");
    const lines: LogFields[] = [];
    const logger: Logger = { ...silentLogger, warn: (fields) => lines.push(fields) };
    await using test = await realEngine({}, logger);
    await play(await test.engine.open(sessionOptions("a")), 0, 3);

    expect(lines[0]).toMatchObject({ pid: test.engine.pid });
    expect(lines).toHaveLength(200);
    for (const { line } of lines) expect(String(line).length).toBeLessThanOrEqual(400);
  });
});
