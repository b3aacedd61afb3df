import { expect, onTestFinished, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { type Client, Service, until } from "../../support/service.ts";

/** Things that keep a process alive, by kind, without the pipes of the test runner. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/Timeout|Socket|TCP/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

const total = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

const ENDINGS: readonly (readonly [string, (client: Client) => void])[] = [
  ["stopping", (client) => client.send({ type: "session.stop" })],
  ["being cut off, with nobody coming back", (client) => client.cut()],
  ["breaking the rules", (client) => client.socket.send("x".repeat(20_000))],
];

test.each(ENDINGS)("after many sessions that ended by %s, nothing is left", async (_title, end) => {
  const engine = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({
    startEngine: engine.start,
    config: { sessions: 10, grace: 1 },
  });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const round = async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => service.play()));
    const sessions = service.server.sessions.all.map(({ session }) => session);
    await Promise.all(clients.map((client) => client.frames(2)));
    for (const client of clients) end(client);
    await Promise.all(clients.map((client) => client.closed));
    await until(() => service.server.sessions.all.length === 0, "the sessions to end");
    await until(() => engine.open === 0, "the engine's sessions to close");
    expect(sessions.map(({ freeLeases }) => freeLeases)).toEqual([2, 2, 2, 2, 2]);
  };
  await round();
  await until(() => total(resources()) < 8, "the first round's sockets to close");
  const before = total(resources());

  for (let i = 0; i < 3; i++) await round();

  await until(() => total(resources()) <= before, `${JSON.stringify(resources())} to shrink`);
});

test("a closed server lets the process go", async () => {
  const before = total(resources());
  const engine = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: engine.start });
  const clients = await Promise.all([service.play(), service.connect()]);

  await service.server.close();

  await Promise.all(clients.map((client) => client.closed));
  await until(() => total(resources()) <= before, `${JSON.stringify(resources())} to go`);
});
