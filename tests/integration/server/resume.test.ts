import { expect, onTestFinished, test } from "vitest";
import { ManualClock } from "../../support/manual-clock.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { type Client, Service, type ServiceOptions, until } from "../../support/service.ts";

const serve = async (options: Partial<ServiceOptions> = {}) => {
  const engine = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: engine.start, ...options });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return { engine, service };
};

const ticketOf = async (client: Client) => {
  const { session, token } = await client.event("session.created");
  return { session, token };
};

test("a lost client comes back with its secret and the stream goes on from a key packet", async () => {
  const { service } = await serve();
  const first = await service.play();
  const ticket = await ticketOf(first);
  await first.frames(3);
  first.send({ type: "params.update", parameters: { steps: 1 } });
  await first.event("session.updated", ({ parameters }) => parameters.steps === 1);
  first.cut();
  await until(
    () => service.server.sessions.find(ticket.session).session.state === "detached",
    "detachment",
  );
  const shown = Number(first.media.at(-1)?.header.frame);

  const second = await service.connect();
  second.send({ type: "session.resume", event_id: "back", ...ticket });

  const resumed = await second.event("session.resumed");
  expect(resumed).toMatchObject({ event_id: "back", ...ticket, state: "streaming" });
  expect(resumed.parameters.steps).toBe(1);
  await second.frames(3);
  expect(second.media[0]?.header).toMatchObject({ key: true, sequence: 0 });
  expect(Number(second.media[0]?.header.frame)).toBeGreaterThan(shown);
});

test("generation waits while nobody is there, with all controls let go", async () => {
  const { service } = await serve();
  const client = await service.play();
  const { session: id } = await ticketOf(client);
  await client.frames(2);
  client.cut();
  const { session } = service.server.sessions.find(id);
  await until(() => session.state === "detached", "detachment");
  await until(() => session.freeLeases >= 1, "the blocks in flight to finish");
  const { block } = session.position;

  const other = await service.play();
  await other.frames(15);

  expect(session.position.block - block).toBeLessThanOrEqual(1);
});

test("a second connection with the secret takes the seat; the first is closed with 4003", async () => {
  const { service } = await serve();
  const first = await service.play();
  const ticket = await ticketOf(first);
  await first.frames(2);

  const second = await service.connect();
  second.send({ type: "session.resume", ...ticket });

  await second.event("session.resumed");
  expect((await first.closed).code).toBe(4003);
  await second.frames(3);
  expect(service.server.sessions.find(ticket.session).session.state).toBe("streaming");
});

test.each([
  ["a wrong secret", (ticket: Ticket) => ({ ...ticket, token: "A".repeat(43) })],
  [
    "the secret of another session",
    (ticket: Ticket, other: Ticket) => ({ ...ticket, token: other.token }),
  ],
  ["an unknown session", (ticket: Ticket) => ({ ...ticket, session: "nobody" })],
  ["a path for a session", (ticket: Ticket) => ({ ...ticket, session: "../../etc/passwd" })],
])("%s is answered like any unknown session", async (_title, change) => {
  const { service } = await serve();
  const owner = await service.play();
  const other = await service.play();
  const ticket = change(await ticketOf(owner), await ticketOf(other));

  const thief = await service.connect();
  thief.send({ type: "session.resume", ...ticket });

  await thief.error("unknown_session");
  expect((await thief.closed).code).toBe(1008);
  await owner.frames(2);
});

interface Ticket {
  readonly session: string;
  readonly token: string;
}

test("nobody coming back within the grace period ends the session", async () => {
  const clock = new ManualClock();
  const { service, engine } = await serve({ clock, config: { grace: 30 } });
  const client = await service.play();
  const ticket = await ticketOf(client);
  client.cut();
  await until(
    () => service.server.sessions.find(ticket.session).session.state === "detached",
    "detachment",
  );

  await clock.advance(29_000);
  expect(service.server.sessions.all).toHaveLength(1);
  await clock.advance(2_000);

  expect(service.server.sessions.all).toHaveLength(0);
  expect(engine.open).toBe(0);
  const late = await service.connect();
  late.send({ type: "session.resume", ...ticket });
  await late.error("unknown_session");
});

test("an idle session is warned and ended with 4001; any input starts the time again", async () => {
  const clock = new ManualClock();
  const { service } = await serve({ clock, config: { idle: 60 } });
  const client = await service.play();

  await clock.advance(31_000);
  const warning = await client.event("session.warning");
  expect(warning).toMatchObject({ code: "session_idle", remaining_ms: 30_000 });
  client.send({ type: "control.input", event_id: "i", values: { left: 1 } });
  await client.event("input.accepted");
  await clock.advance(55_000);
  expect(client.closeCode).toBeUndefined();
  await clock.advance(6_000);

  expect((await client.event("session.ended")).reason).toBe("idle");
  expect((await client.closed).code).toBe(4001);
});

test("a session that reached its longest time ends with 4002, whatever is pressed", async () => {
  const clock = new ManualClock();
  const { service } = await serve({ clock, config: { longest: 100, idle: 90 } });
  const client = await service.play();

  await clock.advance(60_000);
  client.send({ type: "control.input", event_id: "i", values: { left: 1 } });
  await client.event("input.accepted");
  await clock.advance(41_000);

  expect((await client.event("session.ended")).reason).toBe("time_limit");
  expect((await client.closed).code).toBe(4002);
});

test("a client that says nothing is sent away", async () => {
  const clock = new ManualClock();
  const { service } = await serve({ clock });
  const silent = await service.connect();

  await clock.advance(10_500);

  await silent.error("bad_request");
  expect((await silent.closed).code).toBe(1008);
});

test("a client that is gone without a goodbye is noticed by its silence", async () => {
  const clock = new ManualClock();
  const { service } = await serve({ clock });
  const client = await service.play();
  const { session } = await ticketOf(client);
  client.socket.pause();

  for (let second = 0; second < 40; second += 5) await clock.advance(5_000);

  await until(
    () => service.server.sessions.find(session).session.state === "detached",
    "detachment",
  );
  client.cut();
});

test("a client that leaves while its session opens leaves none behind", async () => {
  const { service, engine } = await serve({ config: { sessions: 1 } });
  let open: () => void = () => undefined;
  engine.opening = new Promise((resolve) => {
    open = resolve;
  });
  const hasty = await service.connect();
  hasty.send({ type: "session.start", model: "tiny-separable" });
  hasty.send({ type: "session.ping" });
  await hasty.event("session.pong");
  hasty.cut();
  await hasty.closed;

  open();

  await until(
    () => service.server.sessions.free === 1 && engine.open === 0,
    "the place to be free",
  );
});
