import { describe, expect, it } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import type { ModelCache } from "../../../src/models/model.ts";
import type { BlockRequest, EngineSession } from "../../../src/stream/engine/contract.ts";
import { SessionCache } from "../../../src/stream/session-cache.ts";
import { eventsOf, liveSession } from "../../support/live-session.ts";

const MODEL: ModelCache = {
  allowance: {
    framesPerBlock: 1,
    tokensPerFrame: 4,
    windowFrames: 8,
    sinkFrames: 2,
    mostSlots: 400,
    groupFrames: 4,
    compressors: [],
    isState: false,
    isHost: true,
    hashes: false,
  },
  initial: { policy: "window", windowFrames: 8, sinkFrames: 1 },
};
const { initial } = MODEL;
const NO_RESET = { reset: undefined };

/** A cache over an engine that only notes what it is asked. */
function setUp() {
  const asked: unknown[] = [];
  const refusals: Record<string, StreamError | undefined> = {};
  const answer =
    (method: string) =>
    (what?: unknown): Promise<never> => {
      asked.push(what === undefined ? method : [method, what]);
      const refusal = refusals[method];
      refusals[method] = undefined;
      return refusal === undefined ? Promise.resolve({} as never) : Promise.reject(refusal);
    };
  const engine = {
    next: answer("next"),
    reset: answer("reset"),
    configureCache: answer("configure"),
    forgetCache: answer("forget"),
    inspectCache: answer("inspect"),
  } as unknown as EngineSession;
  return { asked, refusals, cache: new SessionCache(engine, MODEL, initial) };
}

describe("a session's cache", () => {
  it("asks nothing of the engine while nothing is wanted", async () => {
    const { cache, asked } = setUp();

    expect(await cache.apply({ choice: initial, ...NO_RESET })).toEqual([]);
    expect(asked).toEqual([]);
  });

  it("tells every asking of one edge together, also one that changes nothing", async () => {
    const { cache, asked } = setUp();
    const choice = { ...initial, policy: "thin" } as const;
    for (const id of ["a", undefined, "b"]) cache.ask(id);

    expect(await cache.apply({ choice, ...NO_RESET })).toMatchObject([
      { type: "cache-configured", eventIds: ["a", "b"], choice: { policy: "thin", every: 8 } },
    ]);
    cache.ask("c");
    expect(await cache.apply({ choice, ...NO_RESET })).toMatchObject([{ eventIds: ["c"] }]);
    expect(asked).toEqual([["configure", choice]]);
  });

  it("keeps its sinks until frames count anew", async () => {
    const { cache, asked } = setUp();
    const choice = { ...initial, sinkFrames: 2, windowFrames: 4 };
    await cache.apply({ choice, ...NO_RESET });
    expect(cache.inForce).toMatchObject({ sinkFrames: 1, windowFrames: 4 });

    cache.forget({ keepSinks: true }, "k");
    expect(await cache.apply({ choice, ...NO_RESET })).toMatchObject([
      { type: "cache-reset", keepSinks: true, eventIds: ["k"] },
    ]);
    cache.forget({ keepSinks: true }, "x");
    cache.forget({ keepSinks: false }, "y");
    expect(await cache.apply({ choice, ...NO_RESET })).toMatchObject([
      { type: "cache-reset", keepSinks: false, eventIds: ["x", "y"] },
      { type: "cache-configured", eventIds: [], choice: { sinkFrames: 2 } },
    ]);
    expect(asked.at(-1)).toEqual(["configure", choice]);
  });

  it("is emptied by a reset, whoever asked for that besides", async () => {
    const { cache, asked } = setUp();
    cache.forget({ keepSinks: true }, "k");

    const told = await cache.apply({ choice: initial, reset: { seed: 3 } });

    expect(told).toMatchObject([{ type: "cache-reset", eventIds: ["k"] }]);
    expect(asked).toEqual([["reset", { seed: 3, cache: initial }]]);
  });

  it("stays as it was when the engine refuses, and wants no more what it cannot have", async () => {
    const { cache, refusals } = setUp();
    refusals["configure"] = new StreamError("bad_parameter", "no memory here");
    cache.ask("a");

    const told = await cache.apply({ choice: { ...initial, policy: "pool" }, ...NO_RESET });

    expect(told).toMatchObject([{ type: "cache-refused", eventIds: ["a"] }]);
    expect(cache.wanted).toEqual(initial);
    expect(cache.inForce.policy).toBe("window");
  });

  it("lets every other failure through", async () => {
    const { cache, refusals } = setUp();
    refusals["configure"] = new StreamError("engine_lost", "gone");

    await expect(
      cache.apply({ choice: { ...initial, policy: "pool" }, ...NO_RESET }),
    ).rejects.toMatchObject({ code: "engine_lost" });
  });

  it("goes on with a window when it kept everything and is full", async () => {
    const { cache, refusals, asked } = setUp();
    await cache.apply({ choice: { ...initial, policy: "full" }, ...NO_RESET });
    refusals["next"] = new StreamError("cache_overflow", "full");

    const { changed } = await cache.next({} as BlockRequest, []);

    expect(changed).toMatchObject([{ type: "cache-configured", choice: { policy: "window" } }]);
    expect(cache.wanted.policy).toBe("window");
    expect(asked.slice(1)).toEqual([
      ["next", {}],
      ["configure", initial],
      ["next", {}],
    ]);
  });

  it("is looked at once a block, and again after a look that failed", async () => {
    const { cache, asked, refusals } = setUp();
    refusals["inspect"] = new StreamError("engine_lost", "gone");
    await expect(cache.inspect()).rejects.toMatchObject({ code: "engine_lost" });
    await Promise.all([cache.inspect(), cache.inspect()]);
    await cache.inspect();
    expect(asked).toEqual(["inspect", "inspect"]);

    await cache.next({} as BlockRequest, []);
    expect(await cache.inspect()).toMatchObject({ choice: { policy: "window" } });
    expect(asked.filter((each) => each === "inspect")).toHaveLength(3);
  });
});

describe("a session", () => {
  it("has its cache's changes in force from the block that it names", async () => {
    const { session, clock, events, changes } = await liveSession();
    session.attach();
    await clock.advance(500);
    const epoch = session.change({ cache: { policy: "random", windowFrames: 9 } }, "m");
    session.forgetCache({ keepSinks: true }, "f");
    expect(session.cache.policy).toBe("window");
    await clock.advance(500);

    expect(changes.slice(0, 3)).toEqual(["forgetCache", "snapshot", "configureCache"]);
    const [configured] = eventsOf(events, "cache-configured");
    const [emptied] = eventsOf(events, "cache-reset");
    expect(configured).toMatchObject({ eventIds: ["m"], choice: { policy: "random" } });
    expect(emptied).toMatchObject({ eventIds: ["f"], at: configured?.at });
    expect(eventsOf(events, "input-applied")[0]).toMatchObject({
      eventIds: ["m", "f"],
      epoch: epoch + 1,
      at: configured?.at,
    });
    const looking = session.inspectCache();
    await clock.advance(10);
    expect((await looking).choice).toEqual(session.cache);
  });
});
