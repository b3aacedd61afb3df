import { beforeEach, describe, expect, test } from "vitest";
import { Link, type LinkState } from "../../../clients/web/link.ts";
import type { Socket, SocketHandlers } from "../../../clients/web/socket.ts";
import { CLOSE } from "../../../src/protocol/close-codes.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const GRACE = 10_000;

/** One socket as the far side sees it. */
class FakeSocket implements Socket {
  readonly sent: Record<string, unknown>[] = [];
  readonly #handlers: SocketHandlers;
  isClosed = false;

  constructor(handlers: SocketHandlers) {
    this.#handlers = handlers;
  }

  send(text: string): boolean {
    if (this.isClosed) return false;
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
    return true;
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.#handlers.opened();
  }

  says(event: object): void {
    this.#handlers.text(JSON.stringify(event));
  }

  dies(code: number): void {
    this.isClosed = true;
    this.#handlers.closed(code);
  }
}

const CREATED = {
  type: "session.created",
  session: "s1",
  token: "a-secret-of-the-session",
  grace_ms: GRACE,
};

let clock: ManualClock;
let sockets: FakeSocket[];
let states: LinkState[];
let events: ServerEvent[];
let link: Link;

beforeEach(() => {
  clock = new ManualClock();
  sockets = [];
  states = [];
  events = [];
  const open = (handlers: SocketHandlers) => {
    const socket = new FakeSocket(handlers);
    sockets.push(socket);
    return socket;
  };
  link = new Link(
    { open, clock, chance: () => 0 },
    { type: "session.start", model: "m", media: { codecs: ["h264", "vp8", "rgb"] } },
    {
      event: (event) => events.push(event),
      media: () => undefined,
      state: (state) => states.push(state),
    },
  );
});

const newest = (): FakeSocket => {
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
  link.renew({ codecs: ["vp8", "rgb"] });
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
