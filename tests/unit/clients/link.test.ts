import { beforeEach, describe, expect, test } from "vitest";
import { Link, type LinkState } from "../../../clients/web/link.ts";
import type {
  Connection,
  ConnectionHandlers,
  Opening,
  TransportName,
} from "../../../clients/web/transport.ts";
import { StreamError } from "../../../src/core/errors.ts";
import { as, type Millis } from "../../../src/core/units.ts";
import { CLOSE } from "../../../src/protocol/close-codes.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const GRACE = 10_000;

/** One connection as the far side sees it. */
class FakeConnection implements Connection {
  readonly sent: Record<string, unknown>[] = [];
  readonly transport: TransportName;
  readonly #opening: Opening;
  readonly #handlers: ConnectionHandlers;
  isClosed = false;

  constructor(transport: TransportName, opening: Opening, handlers: ConnectionHandlers) {
    this.transport = transport;
    this.#opening = opening;
    this.#handlers = handlers;
  }

  send(message: object): boolean {
    if (this.isClosed) return false;
    this.sent.push(message as Record<string, unknown>);
    return true;
  }

  measure() {
    return Promise.resolve(undefined);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.send(this.#opening);
  }

  says(event: object): void {
    this.#handlers.event(event as ServerEvent);
  }

  made(session: string): void {
    const token = "a-secret-of-the-session";
    this.#handlers.ticket({ session, token, grace: as<Millis>(GRACE) });
  }

  dies(code: number, error?: StreamError): void {
    this.isClosed = true;
    this.#handlers.closed(code, error);
  }
}

const CREATED = {
  type: "session.created",
  session: "s1",
  token: "a-secret-of-the-session",
  grace_ms: GRACE,
};

let clock: ManualClock;
let sockets: FakeConnection[];
let states: LinkState[];
let events: ServerEvent[];
let link: Link;

beforeEach(() => {
  clock = new ManualClock();
  sockets = [];
  states = [];
  events = [];
  link = openLink("websocket");
});

const transport = (name: TransportName) => ({
  name,
  givesUp: name === "webrtc",
  open: (opening: Opening, handlers: ConnectionHandlers) => {
    const connection = new FakeConnection(name, opening, handlers);
    sockets.push(connection);
    return connection;
  },
});

const openLink = (...names: TransportName[]) =>
  new Link(
    { transports: names.map(transport), clock, chance: () => 0 },
    { type: "session.start", model: "m", media: { codecs: ["h264", "vp8", "rgb"] } },
    {
      event: (event) => events.push(event),
      media: () => undefined,
      stream: () => undefined,
      state: (state) => states.push(state),
    },
  );

const newest = (): FakeConnection => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  return socket;
};

function begin(): void {
  newest().opens();
  newest().says(CREATED);
}

test("starts the session on the first socket and goes live when it is there", () => {
  begin();
  expect(newest().sent[0]).toMatchObject({ type: "session.start", model: "m" });
  expect(states.map(({ kind }) => kind)).toEqual(["connecting", "live"]);
  expect(events).toEqual([CREATED]);
});

describe("a lost socket", () => {
  test("is replaced, and the new one takes the session up with its secret and the same media", async () => {
    begin();
    newest().dies(1006);
    await clock.advance(200);
    expect(sockets).toHaveLength(2);
    newest().opens();
    expect(newest().sent[0]).toEqual({
      type: "session.resume",
      session: "s1",
      token: "a-secret-of-the-session",
      media: { codecs: ["h264", "vp8", "rgb"] },
    });
    newest().says({ ...CREATED, type: "session.resumed" });
    expect(states.map(({ kind }) => kind)).toEqual(["connecting", "live", "reconnecting", "live"]);
  });

  test("that cannot be replaced is tried again with growing waits, until the grace period is over", async () => {
    begin();
    newest().dies(1006);
    for (let tries = 0; tries < 40 && states.at(-1)?.kind !== "closed"; tries++) {
      const before = sockets.length;
      await clock.advance(3_100);
      if (sockets.length > before) newest().dies(1006);
    }
    expect(states.at(-1)).toEqual({ kind: "closed", code: 1006, lost: true });
    const attempts = states.filter((state) => state.kind === "reconnecting");
    expect(attempts.length).toBeGreaterThan(2);
    expect(new Set(attempts.map(({ until }) => until))).toEqual(new Set([GRACE]));
    expect(clock.now()).toBeLessThanOrEqual(GRACE + 4_000);
  });

  test("says nothing any more: what it delivers late is not heard", async () => {
    begin();
    const old = newest();
    old.dies(1006);
    await clock.advance(200);
    old.says({ type: "session.pong" });
    expect(events).toEqual([CREATED]);
  });
});

test.each([CLOSE.sessionEnded, CLOSE.idle, CLOSE.replaced, CLOSE.modelLost, CLOSE.tryLater])(
  "close code %d ends the link for good",
  async (code) => {
    begin();
    newest().dies(code);
    await clock.advance(5_000);
    expect(sockets).toHaveLength(1);
    expect(states.at(-1)).toEqual({ kind: "closed", code, lost: false });
  },
);

test("a session that was said to be over is not taken up again, whatever the close code", async () => {
  begin();
  newest().says({ type: "session.ended", reason: "shutdown", blocks: 3, frames: 3 });
  newest().dies(CLOSE.goingAway);
  await clock.advance(5_000);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toEqual({ kind: "closed", code: CLOSE.goingAway, lost: false });
});

test("a server that never made the session is not asked again", async () => {
  newest().dies(1006);
  await clock.advance(5_000);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toEqual({ kind: "closed", code: 1006, lost: false });
});

test("silence is asked for a sign of life, then counts as a lost connection", async () => {
  begin();
  await clock.advance(4_000);
  expect(newest().sent.at(-1)).toEqual({ type: "session.ping" });
  await clock.advance(9_000);
  expect(sockets[0]?.isClosed).toBe(true);
  expect(sockets.length).toBeGreaterThan(1);
});

test("other media are asked for on a new socket, and on every later one", async () => {
  begin();
  link.renew({ media: { codecs: ["vp8", "rgb"] } });
  await clock.advance(200);
  newest().opens();
  expect(newest().sent[0]).toMatchObject({
    type: "session.resume",
    media: { codecs: ["vp8", "rgb"] },
  });
  newest().says({ ...CREATED, type: "session.resumed" });
  newest().dies(1006);
  await clock.advance(200);
  newest().opens();
  expect(newest().sent[0]).toMatchObject({ media: { codecs: ["vp8", "rgb"] } });
});

test("a link that was closed stays closed", async () => {
  begin();
  link.close();
  await clock.advance(60_000);
  expect(newest().isClosed).toBe(true);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toEqual({ kind: "closed", code: CLOSE.done, lost: false });
});

describe("with another transport to fall back to", () => {
  const RESUMED = { ...CREATED, type: "session.resumed" };

  beforeEach(() => {
    link.close();
    sockets = [];
    states = [];
    events = [];
    link = openLink("webrtc", "websocket");
  });

  test("one that does not come about gives way at once, without a word", () => {
    newest().dies(CLOSE.goingAway);
    newest().opens();
    expect(newest().transport).toBe("websocket");
    expect(newest().sent[0]).toMatchObject({ type: "session.start" });
    newest().says(CREATED);
    expect(states.map(({ kind }) => kind)).toEqual(["connecting", "live"]);
    expect(link.transport).toBe("websocket");
  });

  test("a session that was made already is taken up over the other one, not made twice", () => {
    newest().made("s1");
    newest().dies(CLOSE.goingAway);
    newest().opens();
    expect(newest().sent[0]).toMatchObject({ type: "session.resume", session: "s1" });
  });

  test("one that breaks in the middle gives way for good, and the session goes on", async () => {
    newest().made("s1");
    newest().says(RESUMED);
    newest().dies(CLOSE.goingAway);
    newest().opens();
    expect(newest().transport).toBe("websocket");
    expect(newest().sent[0]).toMatchObject({ type: "session.resume", session: "s1" });
    newest().says(RESUMED);
    newest().dies(1006);
    await clock.advance(200);
    expect(newest().transport).toBe("websocket");
    expect(states.map(({ kind }) => kind)).toEqual([
      "connecting",
      "live",
      "reconnecting",
      "live",
      "reconnecting",
    ]);
  });

  test("a refusal of the session is not tried elsewhere, and is told", () => {
    const error = new StreamError("unknown_model", "there is no model `m`");
    newest().dies(CLOSE.protocol, error);
    expect(sockets).toHaveLength(1);
    expect(events).toEqual([{ type: "error", error: error.serialise() }]);
    expect(states.at(-1)?.kind).toBe("closed");
  });

  test("a transport that keeps its own time is not cut while it connects", async () => {
    await clock.advance(15_000);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.isClosed).toBe(false);
  });

  test("another way can be chosen while it runs", () => {
    newest().made("s1");
    newest().says(RESUMED);
    link.renew({ transports: [transport("websocket")] });
    expect(sockets[0]?.isClosed).toBe(true);
    newest().opens();
    expect(newest().transport).toBe("websocket");
    expect(newest().sent[0]).toMatchObject({ type: "session.resume", session: "s1" });
  });
});
