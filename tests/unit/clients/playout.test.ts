import fc from "fast-check";
import { expect, test } from "vitest";
import { Playout } from "../../../clients/web/playout.ts";
import { as, type Micros, type Millis } from "../../../src/core/units.ts";

const FRAME = 40;
const time = (frame: number) => ({
  pts: as<Micros>(frame * FRAME * 1000),
  duration: as<Micros>(FRAME * 1000),
});
const ms = (value: number): Millis => as(value);

test("shows pictures that come evenly as they come", () => {
  const playout = new Playout<number>();
  const shown = Array.from({ length: 50 }, (_, frame) => {
    playout.push(frame, time(frame), ms(1000 + frame * FRAME));
    return playout.due(ms(1000 + frame * FRAME)).show;
  });
  expect(shown).toEqual(Array.from({ length: 50 }, (_, frame) => frame));
});

test("evens out pictures that come unevenly: ticks pass between them as if they had come evenly", () => {
  const playout = new Playout<number>();
  const jitter = [0, 22, 4, 18, 9, 25, 1, 14];
  const arrivals = Array.from({ length: 200 }, (_, i) => i * FRAME + (jitter[i % 8] ?? 0));
  const shownAt: number[] = [];
  let next = 0;
  for (let tick = 0; tick < 200 * FRAME; tick += 8) {
    while ((arrivals[next] ?? Number.POSITIVE_INFINITY) <= tick) {
      playout.push(next, time(next), ms(arrivals[next] ?? 0));
      next += 1;
    }
    if (playout.due(ms(tick)).show !== undefined) shownAt.push(tick);
  }
  const intervals = shownAt.slice(50).map((at, i) => at - (shownAt[49 + i] ?? 0));
  expect(Math.max(...intervals)).toBeLessThanOrEqual(FRAME + 16);
  expect(Math.min(...intervals)).toBeGreaterThanOrEqual(FRAME - 16);
});

test.each([0, 2, 4, 6, 8, 10, 12, 14, 16])(
  "keeps the cadence wherever ticks fall between pictures: %i ms",
  (phase) => {
    const [picture, tick, most] = [1000 / 30, 1000 / 60, 1800];
    const jitter = [0, 7, 2, 5, 8, 1, 6, 3, 4];
    const arrivals = Array.from({ length: most }, (_, i) => i * picture + (jitter[i % 9] ?? 0));
    const playout = new Playout<number>();
    const shownAt: number[] = [];
    let next = 0;
    for (let now = phase; next < most; now += tick) {
      for (; (arrivals[next] ?? Number.POSITIVE_INFINITY) <= now; next++) {
        const pts = as<Micros>(Math.round(next * picture * 1000));
        playout.push(next, { pts, duration: as(33_333) }, ms(arrivals[next] ?? 0));
      }
      if (playout.due(ms(now)).show !== undefined) shownAt.push(now);
    }
    const intervals = shownAt.slice(60).map((at, i) => at - (shownAt[59 + i] ?? 0));
    const uneven = intervals.filter((interval) => Math.abs(interval - picture) > 1);
    expect(uneven.length).toBeLessThan(intervals.length / 100);
  },
);

test("of several pictures that are due the newest is shown", () => {
  const playout = new Playout<string>({ maxHoldFrames: 0 });
  playout.push("a", time(0), ms(0));
  playout.push("b", time(1), ms(40));
  playout.push("c", time(2), ms(80));
  expect(playout.due(ms(200))).toEqual({ show: "c", skipped: ["a", "b"] });
});

test("starts over when the stream stood still, and shows what comes then at once", () => {
  const playout = new Playout<string>();
  playout.push("before", time(0), ms(0));
  playout.due(ms(0));
  playout.push("after", time(1), ms(5_000));
  expect(playout.due(ms(5_000)).show).toBe("after");
});

test("returns every picture exactly once, shown, skipped or cleared, and never holds many", () => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 300 }),
    what: fc.constantFrom("push" as const, "due" as const),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const playout = new Playout<number>();
      const returned: number[] = [];
      let now = 0;
      let pushed = 0;
      for (const { wait, what } of steps) {
        now += wait;
        if (what === "push") returned.push(...playout.push(pushed, time(pushed++), ms(now)));
        else {
          const { show, skipped } = playout.due(ms(now));
          returned.push(...skipped, ...(show === undefined ? [] : [show]));
        }
        expect(pushed - returned.length).toBeLessThanOrEqual(6);
      }
      returned.push(...playout.clear());
      expect(returned.toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: pushed }, (_, i) => i),
      );
    }),
  );
});
