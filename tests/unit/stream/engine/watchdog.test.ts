import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Watchdog } from "../../../../src/stream/engine/watchdog.ts";

/** Beats until `watchdog` calls a hang, or undefined when it never does. */
function beatsToHang(watchdog: Watchdog, most = 1_000): number | undefined {
  for (let beat = 1; beat <= most; beat++) if (watchdog.beat()) return beat;
  return undefined;
}

describe("a watchdog", () => {
  it("never takes an engine that was asked nothing for a hung one", () => {
    expect(beatsToHang(new Watchdog(8))).toBeUndefined();
  });

  it("calls a hang one beat after the deadline of a lone call", () => {
    const watchdog = new Watchdog(8);
    watchdog.asked(1, 8);

    expect(beatsToHang(watchdog)).toBe(9);
  });

  it("counts anew after a long rest", () => {
    const watchdog = new Watchdog(8);
    watchdog.asked(1, 8);
    for (let beat = 0; beat < 7; beat++) watchdog.beat();
    watchdog.answered(1);
    for (let beat = 0; beat < 100; beat++) watchdog.beat();
    watchdog.asked(2, 8);

    expect(beatsToHang(watchdog)).toBe(9);
  });

  it("gives calls that wait their turn a deadline for each call ahead, while answers come", () => {
    const watchdog = new Watchdog(8);
    for (let id = 0; id < 4; id++) watchdog.asked(id, 8);

    for (let id = 0; id < 4; id++) {
      for (let beat = 0; beat < 8; beat++) expect(watchdog.beat()).toBe(false);
      watchdog.answered(id);
    }
    expect(watchdog.isIdle).toBe(true);
  });

  it("waits for a slow kind of call as long as that may take, and no longer for a fast one", () => {
    const slow = new Watchdog(8);
    slow.asked(1, 2);
    slow.asked(2, 8);
    const fast = new Watchdog(8);
    fast.asked(1, 8);
    fast.answered(1);
    fast.asked(2, 2);

    expect(beatsToHang(slow)).toBe(9);
    expect(beatsToHang(fast)).toBe(3);
  });

  it("lets a fast call be late while others are answered, up to its turn's deadline", () => {
    const watchdog = new Watchdog(8);
    watchdog.asked(0, 2);
    let beats = 0;
    for (let id = 1; !watchdog.beat(); id++) {
      beats += 1;
      watchdog.asked(id, 2);
      watchdog.answered(id);
    }

    expect(beats).toBe(8);
  });

  it("calls a hang when one call is never answered although others are", () => {
    const watchdog = new Watchdog(8);
    watchdog.asked(0, 8);
    let hung = false;
    for (let id = 1; id < 20 && !hung; id++) {
      watchdog.asked(id, 8);
      hung = watchdog.beat();
      watchdog.answered(id);
    }

    expect(hung).toBe(true);
  });

  it("notices silence within a deadline of the last answer, whatever happened before", () => {
    const step = fc.constantFrom("ask", "answer", "beat");
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        (steps, deadline) => {
          const watchdog = new Watchdog(deadline);
          const open: number[] = [];
          for (const [id, what] of steps.entries()) {
            if (what === "ask") {
              watchdog.asked(id, deadline);
              open.push(id);
            } else if (what === "answer") watchdog.answered(open.shift() ?? -1);
            else watchdog.beat();
          }
          watchdog.asked(-2, deadline);

          expect(beatsToHang(watchdog)).toBeLessThanOrEqual(deadline + 1);
        },
      ),
    );
  });
});
