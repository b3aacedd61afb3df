import { expect, onTestFinished, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

const serve = async (config: Readonly<Record<string, unknown>> = {}) => {
  const engine = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: engine.start, config });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return { engine, service };
};

test("stopping ends the session, says what it was, and frees its place", async () => {
  const { service, engine } = await serve({ sessions: 1 });
  const client = await service.play();
  await client.frames(2);

  client.send({ type: "session.stop" });

  const ended = await client.event("session.ended");
  expect(ended.reason).toBe("stopped");
  expect(ended.frames).toBeGreaterThanOrEqual(2);
  expect((await client.closed).code).toBe(1000);
  await until(() => engine.open === 0, "the engine's side to close");
  const next = await service.play();
  await next.frames(1);
});

test("the cap refuses one session more, says when to come back, and lets the others play on", async () => {
  const { service } = await serve({ sessions: 1 });
  const first = await service.play();

  const second = await service.connect();
  second.send({ type: "session.start", event_id: "s", model: "tiny-separable" });

  const refusal = await second.event("error");
  expect(refusal).toMatchObject({
    event_id: "s",
    error: { code: "session_limit", recovery: "retry" },
  });
  expect((await second.closed).code).toBe(1013);
  await first.frames(3);
});

test("a failing engine ends its session with the reason, and no other", async () => {
  const { service, engine } = await serve();
  const client = await service.play();
  await client.frames(1);

  engine.failure = () => new Error("secret path /etc/shadow");

  const failed = await client.event("error");
  expect(failed.error.code).toBe("internal");
  expect(JSON.stringify(client.events)).not.toContain("shadow");
  expect((await client.event("session.ended")).reason).toBe("error");
  expect((await client.closed).code).toBe(1011);
  engine.failure = undefined;
  await (await service.play()).frames(2);
});

test("shutting down says goodbye to everybody", async () => {
  const { service, engine } = await serve();
  const clients = [await service.play(), await service.play()];

  await service.server.close();

  for (const client of clients) {
    expect((await client.event("session.ended")).reason).toBe("shutdown");
    expect((await client.closed).code).toBe(1001);
  }
  expect(engine.open).toBe(0);
});
