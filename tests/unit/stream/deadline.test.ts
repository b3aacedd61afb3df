import { describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import { Deadline } from "../../../src/stream/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp() {
  const clock = new ManualClock();
  const owner = new AbortController();
  const fired: number[] = [];
  const deadline = new Deadline(clock, as(1_000), () => fired.push(clock.now()));
  return { clock, owner, fired, deadline };
}

describe("a deadline", () => {
  it("counts only once it is armed, and calls back once", async () => {
    const { clock, owner, fired, deadline } = setUp();
    await clock.advance(5_000);
    expect(deadline.remaining).toBeUndefined();
    deadline.arm(owner.signal);
    await clock.advance(999);
    expect(deadline.remaining).toBe(1);
    await clock.advance(10_000);

    expect(fired).toEqual([6_000]);
    expect(clock.sleeping).toBe(0);
  });

  it("counts from the last touch", async () => {
    const { clock, owner, fired, deadline } = setUp();
    deadline.arm(owner.signal);
    for (let i = 0; i < 10; i++) {
      await clock.advance(900);
      deadline.touch();
    }
    await clock.advance(2_000);

    expect(fired).toEqual([10_000]);
  });

  it("counts from before it was armed, where that is said", async () => {
    const { clock, owner, fired, deadline } = setUp();
    await clock.advance(5_000);
    deadline.arm(owner.signal, as(400));
    expect(deadline.remaining).toBe(600);
    await clock.advance(1_000);

    expect(fired).toEqual([5_600]);
  });

  it("can be armed anew after it was disarmed, and after it fired", async () => {
    const { clock, owner, fired, deadline } = setUp();
    deadline.arm(owner.signal);
    await clock.advance(500);
    deadline.disarm();
    deadline.arm(owner.signal);
    await clock.advance(1_500);
    deadline.arm(owner.signal);
    await clock.advance(1_500);

    expect(fired).toEqual([1_500, 3_000]);
  });

  it("leaves no timer behind when it is disarmed or its owner ends", async () => {
    const { clock, owner, fired, deadline } = setUp();
    deadline.arm(owner.signal);
    deadline.disarm();
    await clock.advance(0);
    expect(clock.sleeping).toBe(0);
    deadline.arm(owner.signal);
    owner.abort();
    await clock.advance(5_000);
    deadline.disarm();
    deadline.arm(owner.signal);
    await clock.advance(5_000);

    expect(fired).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });
});
