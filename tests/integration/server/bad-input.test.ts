import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LIMITS } from "../../../src/protocol/messages.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { type Client, Service, until } from "../../support/service.ts";

const engine = pictureEngine({ width: 32, height: 32 }, 30);
let service: Service;
/** Plays on beside everything the tests do; its stream must never stop. */
let bystander: Client;

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start, config: { sessions: 64 } });
  bystander = await service.play();
});

afterAll(async () => {
  expect(bystander.closeCode).toBeUndefined();
  await bystander.frames(3);
  await service[Symbol.asyncDispose]();
});

/** The client still gets answers. */
const ASK_AGAIN_MS = 250;

/** Asks until it is answered: what comes too often is ignored for a while. */
async function expectAlive(client: Client): Promise<void> {
  const id = `alive-${client.events.length}`;
  const ask = () => {
    if (client.closeCode === undefined) client.send({ type: "session.ping", event_id: id });
  };
  ask();
  const asking = setInterval(ask, ASK_AGAIN_MS);
  try {
    await client.event("session.pong", ({ event_id }) => event_id === id);
  } finally {
    clearInterval(asking);
  }
}

const NONSENSE: readonly (readonly [title: string, text: string, code: string])[] = [
  ["text that is not JSON", "{", "bad_message"],
  ["an empty message", "", "bad_message"],
  ["a JSON number", "7", "bad_message"],
  ["a JSON array", "[]", "bad_message"],
  ["null", "null", "bad_message"],
  ["an object without a type", "{}", "bad_message"],
  ["a type that is no text", '{"type":3}', "bad_message"],
  ["an unknown type", '{"type":"session.fly"}', "unknown_type"],
  ["a type of Object's own", '{"type":"constructor"}', "unknown_type"],
  ["a missing field", '{"type":"control.input"}', "bad_parameter"],
  ["an unknown field", '{"type":"session.ping","x":1}', "bad_parameter"],
  ["a value of another shape", '{"type":"control.input","values":[1]}', "bad_parameter"],
  ["a value that is no number", '{"type":"media.ack","sequence":"1"}', "bad_parameter"],
  ["a number out of range", '{"type":"media.ack","sequence":-1}', "bad_parameter"],
  ["a number that overflows", '{"type":"media.ack","sequence":1e999}', "bad_parameter"],
  [
    "deep nesting",
    `{"type":"control.input","values":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    "bad_parameter",
  ],
];

test.each(NONSENSE)("in a session, %s is answered with its code", async (_title, text, code) => {
  const client = await service.play();

  client.socket.send(text);

  await client.error(code);
  await expectAlive(client);
  client.send({ type: "session.stop" });
  await client.closed;
});

test.each(NONSENSE)(
  "as a first message, %s is answered and the connection closed",
  async (_title, text, code) => {
    const client = await service.connect();

    client.socket.send(text);

    await client.error(code);
    expect((await client.closed).code).toBe(1008);
  },
);

test("an error echoes the id of the message it answers", async () => {
  const client = await service.play();

  client.socket.send('{"type":"session.fly","event_id":"mine"}');

  const { error } = await client.event("error", ({ event_id }) => event_id === "mine");
  expect(error.code).toBe("unknown_type");
});

test.each([
  "nothing",
  "../arcade",
  "..%2f",
  "/etc/passwd",
  "a".repeat(64),
  "ARCADE",
  "tiny\0separable",
])("the model id %j is refused with a code", async (model) => {
  const client = await service.connect();

  client.send({ type: "session.start", event_id: "s", model });

  const { error } = await client.event("error", ({ event_id }) => event_id === "s");
  expect(["unknown_model", "bad_parameter"]).toContain(error.code);
  expect((await client.closed).code).toBe(1008);
});

test("an unknown model is answered with the models there are", async () => {
  const client = await service.connect();

  client.send({ type: "session.start", model: "nothing" });

  const { error } = await client.event("error");
  expect(error.code).toBe("unknown_model");
  expect(error.message).toContain("tiny-separable");
});

test("an unknown start is refused before an engine is asked", async () => {
  const client = await service.connect();
  const before = engine.open;

  client.send({ type: "session.start", model: "tiny-separable", start: "nowhere" });

  await client.error("unknown_start");
  expect(engine.open).toBe(before);
});

test("binary messages are refused, and the session goes on", async () => {
  const client = await service.play();

  client.socket.send(Buffer.from([0x5a, 0x4f, 1, 2, 3]));

  await client.error("bad_message");
  await expectAlive(client);
});

test("a message somewhat too large is answered, then the connection closed with 1009", async () => {
  const client = await service.play();

  client.socket.send(JSON.stringify({ type: "session.ping", x: "y".repeat(LIMITS.messageBytes) }));

  await client.error("message_too_large");
  expect((await client.closed).code).toBe(1009);
});

test("a message of many megabytes is not read: the connection is closed with 1009", async () => {
  const client = await service.play();

  client.socket.send("y".repeat(20_000_000));

  const { code } = await client.closed;
  expect([1009, 1006]).toContain(code);
});

test("many tiny fragments are cut off", async () => {
  const client = await service.play();

  for (let i = 0; i < 1000; i++) client.socket.send("x", { fin: false });

  expect([1008, 1006]).toContain((await client.closed).code);
});

test("a second start on one connection is a conflict", async () => {
  const client = await service.play();

  client.send({ type: "session.start", event_id: "again", model: "tiny-separable" });

  await client.event("error", (e) => e.event_id === "again" && e.error.code === "state_conflict");
  await expectAlive(client);
});

test("a message before the first session is a conflict, and the connection may still start one", async () => {
  const client = await service.connect();

  client.send({ type: "control.input", event_id: "early", values: { left: 1 } });
  await client.event("input.rejected", ({ error }) => error.code === "state_conflict");
  client.send({ type: "session.start", model: "tiny-separable" });

  await client.event("session.created");
});

test("ten thousand messages at once are answered rate_limited, and nobody else is kept waiting", async () => {
  const flooder = await service.play();
  const other = await service.play();
  const before = other.media.length;

  for (let i = 0; i < 10_000; i++) flooder.socket.send('{"type":"session.ping"}');

  await flooder.error("rate_limited");
  expect((await flooder.closed).code).toBe(1008);
  expect(flooder.events.filter(({ type }) => type === "session.pong").length).toBeLessThan(2_000);
  await until(() => other.media.length >= before + 10, "the other's stream to go on");
  await expectAlive(other);
});

test("ten thousand pings of the WebSocket itself are cut off too", async () => {
  const flooder = await service.play();

  for (let i = 0; i < 10_000; i++) flooder.socket.ping();

  expect([1008, 1006]).toContain((await flooder.closed).code);
});

test("a short burst above the rate is told so and may go on", async () => {
  const client = await service.play({}, { acknowledge: false });

  for (let i = 0; i < LIMITS.messageBurst + 200; i++) client.socket.send('{"type":"session.ping"}');

  await client.error("rate_limited");
  await until(() => {
    client.send({ type: "stats.get" });
    return client.events.some(({ type }) => type === "stats.report");
  }, "an answer after the burst");
  expect(client.closeCode).toBeUndefined();
});

test("an acknowledgement of a frame that never was sent is refused", async () => {
  const client = await service.play({}, { acknowledge: false });
  await client.frames(1);

  client.send({ type: "media.ack", sequence: 4_000_000 });

  await client.error("bad_parameter");
});

/** A TCP connection that says `bytes`, once `ready`, and is read until the server ends it or a time is over. */
async function speak(first: string, bytes: Uint8Array): Promise<void> {
  const socket = connect(Number(service.address.port), service.address.hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  if (first !== "") {
    socket.write(first);
    await once(socket, "data");
  }
  socket.resume();
  socket.end(bytes);
  await once(socket, "close");
}

const HANDSHAKE = [
  "GET /v1/realtime HTTP/1.1",
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "",
  "",
].join("\r\n");

test.each([
  ["before the handshake", ""],
  ["in place of WebSocket frames", HANDSHAKE],
])("random bytes %s end that connection and nothing else", async (_title, first) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      await speak(first, bytes);
    }),
    { numRuns: 60 },
  );

  expect((await service.fetch("/healthz")).status).toBe(200);
});

const json = fc.json({ maxDepth: 4 });
const near = fc.record({
  type: fc.constantFrom(
    "session.start",
    "session.resume",
    "control.input",
    "params.update",
    "generation.reset",
    "media.ack",
  ),
  event_id: fc.anything(),
  model: fc.anything(),
  values: fc.anything(),
  parameters: fc.anything(),
  media: fc.anything(),
  sequence: fc.anything(),
});
const anyText = fc.oneof(
  json,
  fc.string({ unit: "binary", maxLength: 400 }),
  near.map((value) =>
    JSON.stringify(value, (_key, each: unknown) =>
      typeof each === "bigint" ? Number(each) : each,
    ),
  ),
);

test("whatever text comes first is answered with a code, and the connection closed or kept", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      const client = await service.connect();
      client.socket.send(text);
      client.socket.send('{"type":"session.ping"}');
      await until(
        () =>
          client.events.some(({ type }) => type === "session.pong") ||
          client.closeCode !== undefined,
        `an answer to ${text}`,
      );
      const answer = client.events[0];
      expect(answer?.type).toMatch(/^(error|input\.rejected|session\.(created|pong))$/);
      client.cut();
    }),
    { numRuns: 150 },
  );
});

test("whatever comes in a session, the session answers afterwards", async () => {
  let client = await service.play();
  const anything = fc.oneof(anyText, fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 6 }), async (messages) => {
      if (client.closeCode !== undefined) client = await service.play();
      for (const message of messages) client.socket.send(message);
      await expectAlive(client);
    }),
    { numRuns: 150 },
  );
});
