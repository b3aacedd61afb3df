import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import { climb, type LadderState, rungsOf, topOfLadder } from "../../../src/media/ladder.ts";

const RUNGS = rungsOf(as(2_000_000));

/** Feed one estimate a tenth of a second, for `seconds`. */
function hear(state: LadderState, estimate: number, from: number, seconds: number): LadderState {
  let next = state;
  for (let i = 0; i < seconds * 10; i++) {
    next = climb(next, RUNGS, as(estimate), as(from + i * 100));
  }
  return next;
}

describe("the ladder", () => {
  it("has rungs of half the bitrate each, none below what a picture needs", () => {
    expect(RUNGS).toEqual([2_000_000, 1_000_000, 500_000, 250_000]);
    expect(rungsOf(as(300_000))).toEqual([300_000, 150_000]);
    expect(rungsOf(as(100_000))).toEqual([100_000]);
  });

  it("steps down at once, to what fits", () => {
    expect(climb(topOfLadder, RUNGS, as(900_000), as(0)).rung).toBe(2);
    expect(climb(topOfLadder, RUNGS, as(10_000), as(0)).rung).toBe(3);
  });

  it("steps up one rung at a time, and only after there was room for a while", () => {
    const low = climb(topOfLadder, RUNGS, as(500_000), as(0));
    expect(low.rung).toBe(3);
    expect(hear(low, 5_000_000, 1_000, 1.5).rung).toBe(3);
    expect(hear(low, 5_000_000, 1_000, 2.2).rung).toBe(2);
    expect(hear(low, 5_000_000, 1_000, 7).rung).toBe(0);
  });

  it("waits longer after a step up that did not last", () => {
    const low = climb(topOfLadder, RUNGS, as(500_000), as(0));
    const up = hear(low, 5_000_000, 0, 2.2);
    const fallen = climb(up, RUNGS, as(300_000), as(3_000));
    expect(fallen.rung).toBe(3);
    expect(hear(fallen, 5_000_000, 3_100, 3).rung).toBe(3);
    expect(hear(fallen, 5_000_000, 3_100, 4.3).rung).toBe(2);
  });

  it("never leaves its rungs and never climbs by more than one", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6_000_000), { maxLength: 200 }), (estimates) => {
        let state = topOfLadder;
        for (const [i, estimate] of estimates.entries()) {
          const next = climb(state, RUNGS, as(estimate), as(i * 250));
          expect(RUNGS[next.rung]).toBeDefined();
          expect(state.rung - next.rung).toBeLessThanOrEqual(1);
          state = next;
        }
      }),
    );
  });
});
