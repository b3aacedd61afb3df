import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import { as } from "../../../src/core/units.ts";
import { eventsOf, type LiveSession, liveSession, typesOf } from "../../support/live-session.ts";

describe("a session's end", () => {
  it.each([
    ["before anybody came", () => Promise.resolve()],
    [
      "while detached",
      async ({ session, clock }) => {
        session.attach();
        await clock.advance(300);
        session.detach();
        await clock.advance(300);
      },
    ],
    [
      "while a block is made",
      async ({ session, clock }) => {
        session.attach();
        await clock.advance(2);
      },
    ],
    [
      "while streaming",
      async ({ session, clock }) => {
        session.attach();
        await clock.advance(1_013);
      },
    ],
    [
      "while paused",
      async ({ session, clock }) => {
        session.attach();
        await clock.advance(300);
        session.pause();
        await clock.advance(300);
      },
    ],
  ] as [string, (live: LiveSession) => Promise<void>][])(
    "%s: returns every lease, closes the engine's side and leaves no timer",
    async (_, prepare) => {
      const live = await liveSession();
      await prepare(live);
      const { session, clock, channels, model, events } = live;

      const ended = session.end("stopped");
      await clock.advance(1_000);
      await ended;

      expect(session.state).toBe("ended");
      expect(session.freeLeases).toBe(2);
      expect(channels[0]?.table.size).toBe(0);
      expect(model.openGenerations).toBe(0);
      expect(typesOf(events).slice(-2)).toEqual(["state-change", "ended"]);
      // The engine's own heartbeat is what is left.
      expect(clock.sleeping).toBe(1);
    },
  );

  it("waits for the block that is being made before the engine is asked to close", async () => {
    const { session, clock, requests, changes } = await liveSession({ blockTime: 500 });
    session.attach();
    await clock.advance(100);

    const ended = session.end("stopped");
    await clock.advance(350);
    expect([requests.length, changes]).toEqual([1, []]);
    await clock.advance(100);
    await ended;

    expect([requests.length, changes]).toEqual([1, ["close"]]);
  });

  it("happens once, whatever else is asked", async () => {
    const { session, clock, events } = await liveSession();
    session.attach();
    await clock.advance(300);

    const ends = [session.end("stopped"), session.end("shutdown")];
    session.pause();
    session.attach();
    await clock.advance(1_000);
    await Promise.all(ends);

    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "stopped" }]);
  });

  it("is told at once to whoever subscribes later", async () => {
    const { session, clock, requests } = await liveSession();
    session.attach();
    await clock.advance(300);
    const ended = session.end("stopped");
    await clock.advance(300);
    await ended;
    const before = requests.length;

    const late: string[] = [];
    const observer = { complete: () => late.push("complete"), error: () => late.push("error") };
    session.pictures$.subscribe(observer);
    session.events$.subscribe(observer);
    await clock.advance(1_000);

    expect(late).toEqual(["complete", "complete"]);
    expect(requests).toHaveLength(before);
  });

  it("comes when the model fails, with the reason", async () => {
    const { session, clock, model, events } = await liveSession();
    model.onBlock = ({ block }) => {
      if (block === 3) throw new StreamError("inference_failed", "not a number");
    };
    session.attach();
    await clock.advance(2_000);

    expect(eventsOf(events, "failed")[0]?.error).toMatchObject({ code: "inference_failed" });
    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "error", blocks: 3, frames: 3 }]);
    expect(session.freeLeases).toBe(2);
  });

  it("comes when its engine is lost for good", async () => {
    const { session, clock, model, channels, events } = await liveSession();
    model.onBlock = () => channels.at(-1)?.crash();
    session.attach();
    await clock.advance(10_000);

    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "engine_lost" }]);
  });
});

describe("whatever is done to a session", () => {
  const actions: Readonly<Record<string, (live: LiveSession) => void>> = {
    attach: ({ session }) => session.attach(),
    detach: ({ session }) => session.detach(),
    pause: ({ session }) => session.pause(),
    resume: ({ session }) => session.resume(),
    step: ({ session }) => {
      if (session.state === "paused") session.step();
    },
    reset: ({ session }) => session.reset({ seed: 3 }),
    input: ({ session }) => session.input({ turn: 0.5 }),
    change: ({ session }) => session.change({ cache: { windowFrames: 3 } }),
    configure: ({ session }) => session.change({ cache: { policy: "tempcache", windowFrames: 9 } }),
    forget: ({ session }) => session.forgetCache({ keepSinks: true }),
    inspect: ({ session }) => void session.inspectCache().catch(() => undefined),
    watch: ({ session }) => session.rendition("rgb", as(1)),
    crash: ({ channels }) => channels.at(-1)?.crash(),
  };
  const step = fc.tuple(fc.constantFrom(...Object.keys(actions)), fc.nat(150));
  const play = fc.array(step, { maxLength: 25 });

  it("its pictures come in order without a gap, and in the end everything is returned", async () => {
    await fc.assert(
      fc.asyncProperty(play, fc.constantFrom(3, 30, 90), async (steps, blockTime) => {
        const live = await liveSession({ blockTime, framesPerBlock: 2 });
        const { session, clock, shown, channels } = live;
        for (const [name, pause] of steps) {
          actions[name]?.(live);
          await clock.advance(pause);
          expect(session.freeLeases).toBeGreaterThanOrEqual(0);
        }
        const ended = session.end("stopped");
        await clock.advance(2_000);
        await ended;

        expect(shown.map(({ picture }) => picture.frame)).toEqual(shown.map((_, i) => i));
        expect(session.freeLeases).toBe(2);
        expect(channels.at(-1)?.table.size).toBe(0);
        expect(clock.sleeping).toBe(channels.at(-1)?.isOver === true ? 0 : 1);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a session's limits", () => {
  it("end it without input, after a warning, and input begins the time anew", async () => {
    const { session, clock, events } = await liveSession({ limits: { idle: as(100_000) } });
    session.attach();
    await clock.advance(75_000);
    expect(eventsOf(events, "limit-near")).toMatchObject([{ limit: "idle", remaining: 30_000 }]);
    session.input({ left: 1 });
    await clock.advance(69_000);
    expect(eventsOf(events, "limit-near")).toHaveLength(1);
    await clock.advance(20_000);
    expect(eventsOf(events, "limit-near")).toHaveLength(2);
    expect(session.state).toBe("streaming");

    await clock.advance(12_000);

    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "idle" }]);
  });

  it("end it after its longest time, however busy it is", async () => {
    const { session, clock, events } = await liveSession({ limits: { longest: as(20_000) } });
    session.attach();
    for (let i = 0; i < 25; i++) {
      if (session.state !== "ended") session.input({ left: i % 2 });
      await clock.advance(1_000);
    }

    expect(eventsOf(events, "limit-near")).toMatchObject([
      { limit: "time_limit", remaining: 10_000 },
    ]);
    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "time_limit" }]);
  });

  it("count the grace period from a client's last sign of life", async () => {
    const { session, clock, events } = await liveSession({ limits: { grace: as(10_000) } });
    session.attach();
    session.detach(as(7_000));
    await clock.advance(2_999);
    expect(session.state).toBe("detached");
    await clock.advance(2);
    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "abandoned" }]);
  });

  it("keep it for its grace period without a client, not longer", async () => {
    const { session, clock, events } = await liveSession({ limits: { grace: as(10_000) } });
    await clock.advance(9_000);
    session.attach();
    await clock.advance(20_000);
    session.detach();
    await clock.advance(9_000);
    expect(session.state).toBe("detached");
    session.attach();
    session.detach();
    await clock.advance(9_000);
    expect(session.state).toBe("detached");

    await clock.advance(1_001);

    expect(eventsOf(events, "ended")).toMatchObject([{ reason: "abandoned" }]);
  });
});
