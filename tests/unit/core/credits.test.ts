import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Credits, type Lease } from "../../../src/core/credits.ts";

const forever = new AbortController().signal;

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("credits", () => {
  it("are as many as there are, and come back once each", async () => {
    const credits = new Credits(2);
    const [one, two] = [await credits.acquire(forever), await credits.acquire(forever)];
    expect(credits.available).toBe(0);

    one.release();
    one.release();
    expect(credits.available).toBe(1);
    two.release();

    expect(credits.available).toBe(2);
  });

  it("are handed to those who wait in the order of asking", async () => {
    const credits = new Credits(1);
    const first = await credits.acquire(forever);
    const order: string[] = [];
    const wait = async (name: string) => {
      const lease = await credits.acquire(forever);
      order.push(name);
      lease.release();
    };
    const waiting = [wait("a"), wait("b"), wait("c")];
    first.release();
    await Promise.all(waiting);

    expect(order).toEqual(["a", "b", "c"]);
    expect(credits.available).toBe(1);
  });

  it("are not taken by who gave up, before or while waiting", async () => {
    const credits = new Credits(1);
    const held = await credits.acquire(forever);
    const stop = new AbortController();
    const given = credits.acquire(stop.signal);
    stop.abort(new Error("enough"));

    await expect(given).rejects.toThrow("enough");
    await expect(credits.acquire(stop.signal)).rejects.toThrow("enough");
    held.release();
    expect(credits.available).toBe(1);
  });

  it("are never more in use than there are and never lost, whatever happens", async () => {
    const action = fc.record({
      what: fc.constantFrom("ask", "release", "give up"),
      which: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(action),
        async (capacity, steps) => {
          const credits = new Credits(capacity);
          const held: Lease[] = [];
          const waiting: AbortController[] = [];
          for (const { what, which } of steps) {
            if (what === "ask") {
              const stop = new AbortController();
              waiting.push(stop);
              credits.acquire(stop.signal).then(
                (lease) => held.push(lease),
                () => undefined,
              );
            } else if (what === "release") held.splice(which % (held.length + 1), 1)[0]?.release();
            else waiting[which % (waiting.length + 1)]?.abort();
            await turn();
            expect(held.length + credits.available).toBe(capacity);
          }
          for (const stop of waiting) stop.abort();
          for (const lease of held) lease.release();
          await turn();

          expect(credits.available).toBe(capacity);
        },
      ),
    );
  });
});
