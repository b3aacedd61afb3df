import { describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import { eventsOf, liveSession } from "../../support/live-session.ts";

/** 25 frames a second. */
const FRAME = 40;

describe("a session's states", () => {
  it("makes nothing until a client is there", async () => {
    const { session, clock, requests } = await liveSession();
    await clock.advance(5_000);

    expect(session.state).toBe("detached");
    expect(requests).toEqual([]);
  });

  it("goes from loading to streaming with the first block", async () => {
    const { session, clock, events } = await liveSession();
    session.attach();
    expect(session.state).toBe("loading");
    await clock.advance(FRAME);

    expect(events.slice(0, 3)).toMatchObject([
      { type: "state-change", state: "loading" },
      { type: "generation-started", at: { block: 0, frame: 0, pts: 0 } },
      { type: "state-change", state: "streaming" },
    ]);
  });

  it("stops making while paused and goes on where it stopped", async () => {
    const { session, clock, shown } = await liveSession();
    session.attach();
    await clock.advance(1_000);
    session.pause();
    await clock.advance(200);
    const before = shown.length;
    await clock.advance(10_000);
    expect(shown).toHaveLength(before);
    expect(session.state).toBe("paused");

    session.resume();
    await clock.advance(1_000);

    expect(shown.map(({ picture }) => picture.frame)).toEqual(shown.map((_, i) => i));
    expect(shown.length).toBeGreaterThan(before + 20);
  });

  it.each([90, 10_000])(
    "lets pictures after %i ms of pause go evenly, without a burst",
    async (pause) => {
      const { session, clock, shown } = await liveSession();
      session.attach();
      await clock.advance(1_000);
      session.pause();
      await clock.advance(pause);
      const before = shown.length;
      session.resume();
      await clock.advance(1_000);

      const times = shown.slice(before).map(({ at }) => at);
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(FRAME - 1);
    },
  );

  it("makes one block for each step while paused, and refuses to step otherwise", async () => {
    const { session, clock, requests } = await liveSession();
    session.attach();
    await clock.advance(500);
    expect(() => session.step()).toThrow(expect.objectContaining({ code: "state_conflict" }));
    session.pause();
    await clock.advance(500);
    const before = requests.length;

    session.step();
    await clock.advance(500);
    expect(requests).toHaveLength(before + 1);
    session.step();
    session.step();
    await clock.advance(500);
    expect(requests).toHaveLength(before + 3);
  });

  it("lets all controls go when the client goes, and stops", async () => {
    const { session, clock, requests } = await liveSession();
    session.attach();
    session.input({ left: 1 });
    await clock.advance(500);
    expect(requests.at(-1)?.control[0]).toBe(1);
    session.detach();
    await clock.advance(500);
    const before = requests.length;
    await clock.advance(5_000);
    expect(requests).toHaveLength(before);

    session.attach();
    await clock.advance(500);

    expect(requests.at(-1)?.control[0]).toBe(0);
  });
});

describe("a session's pace", () => {
  it("lets one frame go in each frame's time", async () => {
    const { session, clock, shown } = await liveSession({ framesPerBlock: 3, blockTime: 20 });
    session.attach();
    await clock.advance(10_000);

    const [first] = shown;
    const due = shown.map((_, i) => (first?.at ?? 0) + i * FRAME);
    expect(shown.map(({ at }) => at)).toEqual(due);
    expect(shown.length).toBeGreaterThan(240);
    expect(shown.map(({ picture }) => picture.endOfBlock).slice(0, 6)).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
  });

  it("samples controls shortly before they show, however fast the model is", async () => {
    const { session, clock, shown, requestedAt } = await liveSession({ blockTime: 2 });
    session.attach();
    await clock.advance(5_000);

    // The first blocks are begun as early as allowed: nothing is known of how long they take.
    const ages = shown.slice(5).map(({ at }, i) => at - (requestedAt[i + 5] ?? 0));
    expect(ages.length).toBeGreaterThan(100);
    expect(Math.max(...ages)).toBeLessThan(FRAME / 2);
  });

  it("shows each frame as soon as it is there when the model is too slow", async () => {
    const { session, clock, shown } = await liveSession({ blockTime: 200 });
    session.attach();
    await clock.advance(10_000);

    const gaps = shown.slice(1).map(({ at }, i) => at - (shown[i]?.at ?? 0));
    expect(new Set(gaps)).toEqual(new Set([200]));
    expect(session.report?.late.frames).toBeGreaterThan(0);
  });

  it("goes on without a burst after one block stalled", async () => {
    const { session, clock, model, shown } = await liveSession();
    model.onBlock = ({ block }) => clock.sleep(as(block === 10 ? 1_500 : 5));
    session.attach();
    await clock.advance(4_000);

    const gaps = shown.slice(1).map(({ at }, i) => at - (shown[i]?.at ?? 0));
    expect(Math.max(...gaps)).toBeGreaterThan(1_000);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(FRAME - 1);
  });

  it("holds at most two blocks in flight", async () => {
    const { session, clock, shown, requests } = await liveSession({
      framesPerBlock: 4,
      blockTime: 100,
    });
    let most = 0;
    session.attach();
    for (let i = 0; i < 200; i++) {
      await clock.advance(10);
      const finished = shown.filter(({ picture }) => picture.endOfBlock).length;
      most = Math.max(most, requests.length - finished);
    }

    expect(most).toBe(2);
  });

  it("reports once a second while somebody watches", async () => {
    const { session, clock, events } = await liveSession({ blockTime: 10 });
    session.attach();
    await clock.advance(3_000);
    session.detach();
    await clock.advance(5_000);

    const reports = eventsOf(events, "report").map(({ report }) => report);
    expect(reports).toHaveLength(3);
    expect(reports[2]).toMatchObject({ fps: 25, blockTime: { p50: 10, max: 10 } });
    expect(reports[2]?.cache?.capacity).toBe(15);
  });
});

describe("steering a session", () => {
  it("says which block first shows a change, and makes it under that change", async () => {
    const { session, clock, events, requests } = await liveSession();
    session.attach();
    await clock.advance(1_000);
    const { epoch } = session.input({ left: 1, mood: "wild" }, "evt-1");
    await clock.advance(1_000);

    const [applied, ...others] = eventsOf(events, "input-applied");
    expect(others).toEqual([]);
    expect(applied).toMatchObject({ eventIds: ["evt-1"], epoch });
    const { at } = applied ?? {};
    expect(at?.pts).toBe((at?.frame ?? 0) * FRAME * 1000);
    const index = requests.findIndex((each) => each.epoch === epoch);
    expect(index).toBe(at?.block);
    expect([...(requests[index]?.control ?? [])]).toEqual([1, 0, 0, 1]);
    expect([...(requests[index - 1]?.control ?? [])]).toEqual([0, 0, 1, 0]);
  });

  it("refuses what the model does not have and changes nothing", async () => {
    const { session } = await liveSession();

    expect(() => session.input({ left: 1, fly: 1 })).toThrow(
      expect.objectContaining({ code: "unknown_control" }),
    );
    expect(() => session.change({ steps: 7 })).toThrow(
      expect.objectContaining({ code: "bad_parameter" }),
    );
    expect(() => session.reset({ start: "nowhere" })).toThrow(
      expect.objectContaining({ code: "unknown_start" }),
    );
    expect(session.epoch).toBe(0);
  });

  it("takes other steps and another window from the next block on", async () => {
    const { session, clock, requests, changes, events } = await liveSession();
    session.attach();
    await clock.advance(500);
    const epoch = session.change({ steps: 1, cache: { windowFrames: 4 } }, "evt-2");
    await clock.advance(500);

    expect(requests.map(({ steps }) => steps)).toEqual([
      ...requests.filter((each) => each.epoch < epoch).map(() => 2),
      ...requests.filter((each) => each.epoch >= epoch).map(() => 1),
    ]);
    expect(changes).toEqual(["configureCache"]);
    expect(eventsOf(events, "input-applied")[0]).toMatchObject({ eventIds: ["evt-2"], epoch });
    expect(session.parameters).toMatchObject({ steps: 1, cache: { windowFrames: 4 } });
  });

  it("begins again at a reset; blocks and frames go on", async () => {
    const { session, clock, events, shown, changes } = await liveSession();
    const hold = session.rendition("rgb", as(0));
    session.attach();
    await clock.advance(500);
    session.reset({ seed: 5 });
    await clock.advance(500);
    hold.release();

    const [reset] = eventsOf(events, "generation-reset");
    const block = reset?.at.block ?? 0;
    expect(changes).toEqual(["reset"]);
    expect(shown.map(({ picture }) => picture.block)).toEqual(shown.map((_, i) => i));
    const fresh = await liveSession();
    fresh.session.rendition("rgb", as(0));
    fresh.session.reset({ seed: 5 });
    fresh.session.attach();
    await fresh.clock.advance(500);
    const pixels = ({ picture }: (typeof shown)[number]) => picture.packets[0]?.data;
    expect(block).toBeGreaterThan(5);
    expect(shown.slice(block, block + 5).map(pixels)).toEqual(fresh.shown.slice(0, 5).map(pixels));
  });

  it("shows the first block of a new beginning also while paused", async () => {
    const { session, clock, shown, events } = await liveSession();
    session.attach();
    await clock.advance(500);
    session.pause();
    await clock.advance(500);
    const before = shown.length;

    session.reset({});
    await clock.advance(5_000);

    expect(shown).toHaveLength(before + 1);
    expect(eventsOf(events, "generation-reset")).toHaveLength(1);
  });

  it("encodes once for viewers that want the same, and stops when the last one left", async () => {
    const { session, clock, requests } = await liveSession();
    session.attach();
    const [one, two] = [session.rendition("rgb", as(1)), session.rendition("rgb", as(1))];
    await clock.advance(500);
    expect(requests.at(-1)?.renditions).toEqual([one.options]);
    one.release();
    one.release();
    await clock.advance(500);
    expect(requests.at(-1)?.renditions).toEqual([two.options]);

    two.release();
    await clock.advance(500);

    expect(requests.at(-1)?.renditions).toEqual([]);
  });

  it("goes on with pictures when its engine is replaced", async () => {
    const { session, clock, channels, events, shown } = await liveSession();
    session.attach();
    await clock.advance(1_000);
    channels[0]?.crash();
    await clock.advance(1_000);

    expect(eventsOf(events, "generation-recovered")).toHaveLength(1);
    expect(shown.map(({ picture }) => picture.frame)).toEqual(shown.map((_, i) => i));
    expect(shown.length).toBeGreaterThan(45);
  });
});
