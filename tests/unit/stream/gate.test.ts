import { describe, expect, it } from "vitest";
import { Gate } from "../../../src/stream/gate.ts";

/** Counts how often a loop got through. */
function loop(gate: Gate) {
  const stop = new AbortController();
  const passed = { count: 0, ended: false };
  const run = async () => {
    for (;;) {
      await gate.pass(stop.signal);
      passed.count += 1;
      await new Promise(setImmediate);
    }
  };
  run().catch(() => {
    passed.ended = true;
  });
  return { passed, stop };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};

describe("a gate", () => {
  it("lets nobody through while closed and everybody while open", async () => {
    const gate = new Gate(false);
    const { passed, stop } = loop(gate);
    await turns(5);
    expect(passed.count).toBe(0);
    gate.open();
    await turns(5);
    expect(passed.count).toBeGreaterThan(3);
    gate.close();
    await turns(2);
    const { count } = passed;
    await turns(5);

    expect(passed.count).toBe(count);
    stop.abort();
  });

  it("lets through once for each step while closed", async () => {
    const gate = new Gate(false);
    const { passed, stop } = loop(gate);
    gate.step();
    gate.step();
    gate.step();
    await turns(10);

    expect(passed.count).toBe(3);
    stop.abort();
  });

  it("forgets steps that were not taken when it opens", async () => {
    const gate = new Gate(false);
    gate.step();
    gate.step();
    gate.open();
    gate.close();
    const { passed, stop } = loop(gate);
    await turns(5);

    expect(passed.count).toBe(0);
    stop.abort();
  });

  it("lets a waiter go when its signal aborts, before or while it waits", async () => {
    const gate = new Gate(false);
    const { passed, stop } = loop(gate);
    stop.abort(new Error("enough"));
    await turns(1);

    expect(passed).toEqual({ count: 0, ended: true });
    await expect(gate.pass(stop.signal)).rejects.toThrow("enough");
  });
});
