import { beforeAll, describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { BlockResult } from "../../../src/stream/engine/contract.ts";
import {
  fixture,
  pictures,
  play,
  realEngine,
  request,
  sessionOptions,
  types,
} from "../../support/engine.ts";

const FEW_FRAMES = { policy: "window", windowFrames: 4, sinkFrames: 1 } as const;

/** The pictures of a session that nothing happens to. */
let calm: string[];
beforeAll(async () => {
  await using test = await realEngine();
  const session = await test.engine.open({ ...sessionOptions("calm"), cache: FEW_FRAMES });
  calm = pictures(await play(session, 0, 8));
});

/** The largest difference of any two bytes of their raw pictures. */
function largestDifference(a: readonly BlockResult[], b: readonly BlockResult[]): number {
  const bytes = (blocks: readonly BlockResult[]) =>
    blocks.flatMap(({ packets }) => packets.flatMap(({ data }) => [...data]));
  const others = bytes(b);
  return bytes(a).reduce((most, byte, i) => Math.max(most, Math.abs(byte - (others[i] ?? -1))), 0);
}

describe("an engine that ends in the middle of a stream", () => {
  it.each(["SIGKILL", "SIGABRT", "SIGSEGV"] as const)(
    "%s: is replaced, and the stream goes on bit for bit",
    async (signal) => {
      await using test = await realEngine();
      const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
      const first = test.engine.pid;

      const before = await play(session, 0, 4);
      process.kill(first, signal);
      const after = await play(session, 4, 4);

      expect(pictures([...before, ...after])).toEqual(calm);
      expect(after.map(({ block }) => block)).toEqual([4, 5, 6, 7]);
      expect(after.map(({ firstFrame }) => firstFrame)).toEqual([4, 5, 6, 7]);
      expect(test.engine.pid).not.toBe(first);
      expect(types(test.events)).toEqual([
        "engine-ready",
        "engine-lost",
        "engine-ready",
        "session-recovered",
        "engine-replaced",
      ]);
      expect(test.events[1]).toMatchObject({ pid: first, cause: "exit" });
      expect(test.events[3]).toMatchObject({ session: "a", block: 4 });
    },
  );

  it("answers the very call that was interrupted", async () => {
    await using test = await realEngine();
    const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
    const before = await play(session, 0, 3);

    const interrupted = session.next(request(3));
    process.kill(test.engine.pid, "SIGKILL");

    expect(pictures([...before, await interrupted])).toEqual(calm.slice(0, 4));
  });

  it("survives as many losses as the limits allow, one after the other", async () => {
    await using test = await realEngine();
    const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
    const made = [];

    for (let i = 0; i < 4; i++) {
      made.push(await session.next(request(i)));
      process.kill(test.engine.pid, "SIGKILL");
    }
    made.push(await session.next(request(4)));

    expect(pictures(made)).toEqual(calm.slice(0, 5));
    expect(types(test.events).filter((type) => type === "engine-lost")).toHaveLength(4);
  });

  it.each(["tiny-entangled", "tiny-fused"])("%s: goes on in other topologies", async (id) => {
    await using test = await realEngine({ packagePath: fixture(id) });
    const undisturbed = await test.engine.open({ ...sessionOptions("calm"), cache: FEW_FRAMES });
    const expected = await play(undisturbed, 0, 6);

    const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
    const before = await play(session, 0, 3);
    process.kill(test.engine.pid, "SIGKILL");
    const after = await play(session, 3, 3);

    // A fused commit is another pass than the one that recaches: the last bit of a sum may differ.
    expect(largestDifference([...before, ...after], expected)).toBeLessThanOrEqual(1);
    expect(largestDifference(after, expected.slice(0, 3))).toBeGreaterThan(1);
  });

  it("rebuilds a long session from its newest blocks", async () => {
    await using test = await realEngine();
    const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
    const held = (await play(session, 0, 30)).at(-1)?.cache.slots;

    process.kill(test.engine.pid, "SIGKILL");
    const [after] = await play(session, 30, 1);

    expect(after?.block).toBe(30);
    expect(after?.cache.slots).toBe(held);
  });

  it("brings a memory back bit for bit, and nothing that was forgotten", async () => {
    await using test = await realEngine({ packagePath: fixture("tiny-open") });
    const cache = { policy: "tempcache", windowFrames: 4, sinkFrames: 0, memorySlots: 16 } as const;
    const run = async (id: string, kill: () => void) => {
      const session = await test.engine.open({ ...sessionOptions(id), cache });
      const made = await play(session, 0, 70);
      kill();
      made.push(...(await play(session, 70, 3)));
      await session.forgetCache({ keepSinks: false });
      kill();
      made.push(...(await play(session, 73, 3)));
      return { made: pictures(made), contents: await session.inspectCache() };
    };

    const undisturbed = await run("calm", () => undefined);
    const disturbed = await run("a", () => process.kill(test.engine.pid, "SIGKILL"));

    expect(disturbed).toEqual(undisturbed);
    expect(disturbed.contents.inspection.frames).toBe(3);
    expect(types(test.events).filter((type) => type === "engine-lost")).toHaveLength(2);
  });

  it("goes on from a restored snapshot, not from what was before it", async () => {
    await using test = await realEngine();
    const source = await test.engine.open({ ...sessionOptions("source"), cache: FEW_FRAMES });
    await play(source, 0, 5);
    const snapshot = await source.snapshot();
    const expected = pictures(await play(source, 5, 4));

    const target = await test.engine.open(sessionOptions("target", 99));
    await play(target, 0, 2);
    await target.restore(snapshot);
    const before = await play(target, 5, 2);
    process.kill(test.engine.pid, "SIGKILL");
    const after = await play(target, 7, 2);

    expect(pictures([...before, ...after])).toEqual(expected);
  });

  it("goes on from a reset, not from the first start", async () => {
    const run = async (kill: boolean) => {
      await using test = await realEngine();
      const session = await test.engine.open(sessionOptions("a"));
      await play(session, 0, 3);
      await session.reset({ seed: 7, cache: FEW_FRAMES });
      if (kill) process.kill(test.engine.pid, "SIGKILL");
      return await play(session, 3, 3);
    };

    const [calm, killed] = [await run(false), await run(true)];

    expect(pictures(killed)).toEqual(pictures(calm));
    expect(killed.map(({ block }) => block)).toEqual([3, 4, 5]);
  });
});

describe("an engine that freezes", () => {
  it("is noticed when it is asked something, killed and replaced", async () => {
    await using test = await realEngine({ callDeadline: as(4_000) });
    const session = await test.engine.open({ ...sessionOptions("a"), cache: FEW_FRAMES });
    const frozen = test.engine.pid;
    const before = await play(session, 0, 2);

    process.kill(frozen, "SIGSTOP");
    const after = await play(session, 2, 2);

    expect(pictures([...before, ...after])).toEqual(calm.slice(0, 4));
    expect(test.events[1]).toMatchObject({ type: "engine-lost", pid: frozen, cause: "hang" });
    expect(() => process.kill(frozen, 0)).toThrow("ESRCH");
  });

  it("is noticed when it has nothing to do", async () => {
    await using test = await realEngine({ callDeadline: as(4_000) });
    await test.engine.open(sessionOptions("a"));
    const frozen = test.engine.pid;

    process.kill(frozen, "SIGSTOP");
    await test.happened("engine-replaced");

    expect(test.events[1]).toMatchObject({ type: "engine-lost", pid: frozen, cause: "hang" });
  });
});
