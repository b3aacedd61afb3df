import { beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/core/log.ts";
import { as } from "../../../../src/core/units.ts";
import { loadPackage, type ModelPackage } from "../../../../src/models/package.ts";
import type { BlockResult, EngineEvent } from "../../../../src/stream/engine/contract.ts";
import type { CallMessage } from "../../../../src/stream/engine/messages.ts";
import { supervise } from "../../../../src/stream/engine/supervisor.ts";
import {
  fixture,
  pictures,
  play,
  request,
  sessionOptions,
  types,
} from "../../../support/engine.ts";
import { type HashModel, hashModel } from "../../../support/hash-model.ts";
import { type LocalChannel, localChannel } from "../../../support/local-channel.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

let modelPackage: ModelPackage;
beforeAll(async () => {
  modelPackage = await loadPackage(fixture("tiny-separable"));
});

const DEADLINE = 4_000;
const LIMITS = { most: 3, within: as<never>(60_000), wait: as<never>(1_000) };

/** A supervisor over processes inside the test; `onCall` sees each call that reaches one. */
async function setUp(
  onCall: (message: CallMessage, channel: LocalChannel) => void = () => undefined,
) {
  const clock = new ManualClock();
  const channels: LocalChannel[] = [];
  const models: HashModel[] = [];
  const events: EngineEvent[] = [];
  const spawn = { refused: false, frozen: false };
  const engine = await supervise({
    options: { packagePath: modelPackage.path, provider: "cpu", callDeadline: as(DEADLINE) },
    onEvent: (event) => events.push(event),
    logger: silentLogger,
    clock,
    restarts: LIMITS,
    openChannel: () => {
      const model = hashModel(modelPackage);
      const channel = localChannel(model, clock, onCall);
      models.push(model);
      channels.push(channel);
      if (spawn.refused) channel.crash("it has no memory");
      if (spawn.frozen) channel.freeze();
      return channel;
    },
  });
  /** The process that runs, or ran last. */
  const current = (): LocalChannel => {
    const channel = channels.at(-1);
    if (channel === undefined) throw new Error("no process was started");
    return channel;
  };
  return { engine, clock, channels, models, events, spawn, current };
}

/** Move the clock until `promise` settles. */
async function passing<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const state = { isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  for (let i = 0; i < 2_000 && !state.isSettled; i++) await clock.advance(100);
  return promise;
}

async function undisturbed(blocks: number, seed = 1): Promise<string[]> {
  const { engine } = await setUp();
  return pictures(await play(await engine.open(sessionOptions("calm", seed)), 0, blocks));
}

describe("a supervisor", () => {
  it("moves every session to the new engine, those that ask nothing too", async () => {
    const { engine, current, events, clock } = await setUp();
    const [a, b] = [
      await engine.open(sessionOptions("a", 1)),
      await engine.open(sessionOptions("b", 2)),
    ];
    await play(a, 0, 2);
    await play(b, 0, 3);

    current().crash();
    await clock.advance(0);

    expect(types(events)).toEqual([
      "engine-ready",
      "engine-lost",
      "engine-ready",
      "session-recovered",
      "session-recovered",
      "engine-replaced",
    ]);
    expect(current().table.size).toBe(2);
    expect(pictures(await play(b, 3, 2))).toEqual((await undisturbed(5, 2)).slice(3));
    expect(pictures(await play(a, 2, 2))).toEqual((await undisturbed(4, 1)).slice(2));
  });

  it("reports how long a stream was without an engine", async () => {
    const { engine, current, events, clock } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 1);
    current().crash();
    await clock.advance(0);
    current().crash();
    await clock.advance(5_000);

    const replaced = events.filter((event) => event.type === "engine-replaced");
    expect(replaced.map(({ downtime }) => downtime)).toEqual([0, 1_000]);
  });

  it("does not recover a session that was closed", async () => {
    const { engine, current, events, clock } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 1);
    await session.close();

    current().crash();
    await clock.advance(0);

    expect(types(events)).not.toContain("session-recovered");
    expect(current().table.size).toBe(0);
    await expect(session.next(request(1))).rejects.toMatchObject({ code: "session_ended" });
  });

  it("recaches by short calls, however long the history is", async () => {
    const sizes: number[] = [];
    const { engine, current, clock } = await setUp(({ call }) => {
      if (call.method === "recache") sizes.push(call.blocks.length);
    });
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 40);

    current().crash();
    await clock.advance(0);

    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(18);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  it("goes on when the engine ends while sessions are being moved", async () => {
    let crashes = 1;
    const { engine, current, clock } = await setUp(({ call }, channel) => {
      if (call.method === "recache" && crashes-- > 0) channel.crash();
    });
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 3);
    current().crash();

    const after = await passing(clock, play(session, 3, 2));

    expect(pictures(after)).toEqual((await undisturbed(5)).slice(3));
  });

  it("ends only the session whose work ends every engine", async () => {
    const poisoned = ({ call }: CallMessage) => call.method === "next" && call.session === "bad";
    const { engine, clock } = await setUp((message, channel) => {
      if (poisoned(message)) channel.crash();
    });
    const [bad, good] = [
      await engine.open(sessionOptions("bad", 1)),
      await engine.open(sessionOptions("good", 2)),
    ];
    await play(good, 0, 2);

    const results = await passing(
      clock,
      Promise.allSettled([bad.next(request(0)), play(good, 2, 3)]),
    );

    expect(results[0]).toMatchObject({
      status: "rejected",
      reason: { code: "engine_lost", recovery: "end-session" },
    });
    expect(results[1].status).toBe("fulfilled");
    const made = (results[1] as PromiseFulfilledResult<BlockResult[]>).value;
    expect(pictures(made)).toEqual((await undisturbed(5, 2)).slice(2));
    expect(pictures(await play(good, 5, 1))).toEqual((await undisturbed(6, 2)).slice(5));
  });

  it("gives up a crash loop, with a clear error for everybody", async () => {
    const { engine, current, clock, spawn, channels } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    const paused = await engine.open(sessionOptions("paused"));
    await play(session, 0, 1);
    spawn.refused = true;
    current().crash();

    const failed = passing(clock, session.next(request(1)));

    await expect(failed).rejects.toMatchObject({
      code: "engine_lost",
      message: expect.stringContaining("it has no memory") as string,
    });
    await expect(paused.next(request(0))).rejects.toMatchObject({ code: "engine_lost" });
    await expect(engine.open(sessionOptions("new"))).rejects.toMatchObject({
      code: "engine_lost",
      recovery: "retry",
    });
    expect(channels).toHaveLength(LIMITS.most + 1);
  });

  it("takes sessions again when the crash loop is long ago", async () => {
    const { engine, current, clock, spawn } = await setUp();
    const old = await engine.open(sessionOptions("old"));
    spawn.refused = true;
    current().crash();
    await clock.advance(10_000);
    spawn.refused = false;
    await expect(engine.open(sessionOptions("a"))).rejects.toMatchObject({ code: "engine_lost" });

    await clock.advance(LIMITS.within);

    const session = await passing(clock, engine.open(sessionOptions("a")));
    expect(pictures(await play(session, 0, 2))).toEqual(await undisturbed(2));
    await expect(old.next(request(0))).rejects.toMatchObject({ code: "engine_lost" });
  });

  it("kills an engine that stops answering, and asks the next one", async () => {
    const { engine, current, clock, events, channels } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 2);
    current().freeze();

    const after = await passing(clock, play(session, 2, 2));

    expect(pictures(after)).toEqual((await undisturbed(4)).slice(2));
    expect(channels[0]?.isOver).toBe(true);
    expect(events[1]).toMatchObject({ type: "engine-lost", cause: "hang" });
  });

  it("notices in two seconds that an engine which made fast blocks stopped, though calls may take twice that", async () => {
    const { engine, current, clock, events } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 20);
    const since = clock.now();
    current().freeze();

    const after = passing(clock, play(session, 20, 1));
    await clock.advance(1_900);
    const early = types(events);
    await clock.advance(600);

    expect(early).toEqual(["engine-ready"]);
    expect(types(events)).toContain("engine-lost");
    expect(pictures(await after)).toEqual((await undisturbed(21)).slice(20));
    expect(events[1]).toMatchObject({ cause: "hang" });
    expect(clock.now() - since).toBeLessThan(DEADLINE);
  });

  it("gives what is no block its whole deadline, however fast blocks were", async () => {
    const { engine, current, clock, events } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    await play(session, 0, 20);
    current().freeze();

    const inspected = passing(clock, session.inspectCache());
    await clock.advance(DEADLINE - 100);
    const early = types(events);
    await inspected;

    expect(early).toEqual(["engine-ready"]);
    expect(types(events)).toContain("engine-replaced");
  });

  it("asks an idle engine whether it lives", async () => {
    const { current, clock, events, channels } = await setUp();
    await clock.advance(3_000);
    expect(current().calls).toEqual(["ping", "ping", "ping"]);

    current().freeze();
    await clock.advance(2 * DEADLINE);

    expect(types(events)).toContain("engine-replaced");
    expect(channels[0]?.isOver).toBe(true);
  });

  it("leaves a slow engine alone while each block is in time, however many wait for theirs", async () => {
    const { engine, clock, events, models } = await setUp();
    const sessions = await Promise.all(
      ["a", "b", "c", "d"].map((id) => engine.open(sessionOptions(id))),
    );
    for (const model of models) model.onBlock = () => clock.sleep(as(DEADLINE - 600));

    const made = await passing(clock, Promise.all(sessions.map((each) => play(each, 0, 2))));

    expect(made.flat()).toHaveLength(8);
    expect(types(events)).toEqual(["engine-ready"]);
  });

  it("kills an engine whose block takes longer than the deadline", async () => {
    const { engine, clock, events, models } = await setUp();
    const session = await engine.open(sessionOptions("a"));
    for (const model of models) model.onBlock = () => clock.sleep(as(10 * DEADLINE));

    const made = await passing(clock, play(session, 0, 1));

    expect(pictures(made)).toEqual(await undisturbed(1));
    expect(events[1]).toMatchObject({ type: "engine-lost", cause: "hang" });
  });

  it("stops at once while an engine is being replaced", async () => {
    const { engine, current, clock, spawn, events } = await setUp();
    spawn.refused = true;
    current().crash();
    await clock.advance(500);

    await engine.close();
    await clock.advance(60_000);

    expect(types(events)).toEqual(["engine-ready", "engine-lost"]);
    await expect(engine.open(sessionOptions("a"))).rejects.toMatchObject({ code: "engine_lost" });
  });

  it("stops at once while an engine is loading", async () => {
    const { engine, current, clock, spawn, channels } = await setUp();
    spawn.frozen = true;
    current().crash();
    await clock.advance(500);

    await engine.close();

    expect(channels.map(({ isOver }) => isOver)).toEqual([true, true]);
    expect(clock.sleeping).toBe(0);
  });

  it("is refused for good when the first process never becomes ready", async () => {
    const clock = new ManualClock();
    const channel = localChannel(hashModel(modelPackage), clock);
    const started = supervise({
      options: { packagePath: modelPackage.path, provider: "cpu", callDeadline: as(DEADLINE) },
      onEvent: () => undefined,
      logger: silentLogger,
      clock,
      restarts: LIMITS,
      openChannel: () => channel,
    });
    channel.freeze();

    await expect(passing(clock, started)).rejects.toMatchObject({ code: "engine_hung" });
    expect(channel.isOver).toBe(true);
  });
});
