import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as, frameTime, type Millis } from "../../../src/core/units.ts";
import {
  beginAt,
  foresee,
  lead,
  pace,
  STALL,
  unforeseen,
  unpaced,
} from "../../../src/media/pacing.ts";

const ms = (value: number): Millis => as(value);

describe("pace", () => {
  it("lets the first frame go at once and each later one a frame's time after", () => {
    const first = pace(unpaced, frameTime(0, 25), ms(1000));
    const second = pace(first.state, frameTime(1, 25), ms(1005));

    expect(first.at).toBe(1000);
    expect(second.at).toBe(1040);
    expect(second.late).toBe(0);
  });

  it("keeps the anchor through jitter, so that a short delay does not add up", () => {
    const first = pace(unpaced, frameTime(0, 25), ms(0));
    const late = pace(first.state, frameTime(1, 25), ms(60));
    const next = pace(late.state, frameTime(2, 25), ms(70));

    expect(late.late).toBe(20);
    expect(next.at).toBe(80);
  });

  it("moves the anchor after a stall instead of sending a burst", () => {
    const first = pace(unpaced, frameTime(0, 25), ms(0));
    const stalled = pace(first.state, frameTime(1, 25), ms(40 + STALL + 1));
    const next = pace(stalled.state, frameTime(2, 25), ms(40 + STALL + 2));

    expect(next.at).toBe(40 + STALL + 1 + 40);
  });

  it("never lets a frame go before the one ahead of it, nor before it is ready", () => {
    const delays = fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(delays, (readyAfter) => {
        let state = unpaced;
        let now = 0;
        let last = -1;
        for (const [frame, delay] of readyAfter.entries()) {
          now += delay;
          const release = pace(state, frameTime(frame, 24), ms(now));
          expect(release.at).toBeGreaterThanOrEqual(Math.max(now, last));
          last = release.at;
          state = release.state;
        }
      }),
    );
  });
});

describe("beginAt", () => {
  it("begins at once without an anchor", () => {
    expect(beginAt(unpaced, frameTime(9, 25), ms(50), ms(123))).toBe(123);
  });

  it("begins a block its lead before it is due, and never in the past", () => {
    const { state } = pace(unpaced, frameTime(0, 25), ms(0));

    expect(beginAt(state, frameTime(5, 25), ms(30), ms(10))).toBe(170);
    expect(beginAt(state, frameTime(5, 25), ms(30), ms(190))).toBe(190);
  });
});

describe("lead", () => {
  it("is the whole bound while nothing is known", () => {
    expect(lead(unforeseen, ms(80))).toBe(80);
  });

  it("suffices for nine in ten of the recent blocks and never exceeds the bound", () => {
    const seen = [12, 20, 14].reduce((known, time) => foresee(known, ms(time)), unforeseen);
    const tenth = (slow: number) =>
      Array.from({ length: 30 }, (_, i) => (i % 10 < slow ? 60 : 10)).reduce(
        (known, time) => foresee(known, ms(time)),
        unforeseen,
      );

    expect(lead(seen, ms(80))).toBeGreaterThan(20);
    expect(lead(seen, ms(80))).toBeLessThan(40);
    expect(lead(foresee(seen, ms(500)), ms(80))).toBe(80);
    expect(lead(tenth(1), ms(80))).toBeLessThan(20);
    expect(lead(tenth(2), ms(80))).toBeGreaterThan(60);
  });

  it("forgets a slow block in time", () => {
    const slow = foresee(unforeseen, ms(70));
    const seen = Array.from({ length: 40 }).reduce<typeof slow>(
      (known) => foresee(known, ms(10)),
      slow,
    );

    expect(lead(seen, ms(80))).toBeLessThan(20);
  });
});
