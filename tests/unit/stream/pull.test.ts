import fc from "fast-check";
import { type Subscription, take } from "rxjs";
import { describe, expect, it } from "vitest";
import { Credits, type Leased } from "../../../src/core/credits.ts";
import { pull } from "../../../src/stream/pull.ts";

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Counts up, and remembers how it was used. */
function counter(stopAt = Number.POSITIVE_INFINITY) {
  const seen = { made: 0, opened: 0, closed: 0 };
  async function* open(): AsyncGenerator<number> {
    seen.opened += 1;
    try {
      for (let n = 0; n < stopAt; n++) {
        await turn();
        seen.made += 1;
        yield n;
      }
    } finally {
      seen.closed += 1;
    }
  }
  return { seen, open };
}

/** Subscribes and keeps all that comes. */
function collect<T>(source: ReturnType<typeof pull<T>>) {
  const got: Leased<T>[] = [];
  const ends: unknown[] = [];
  const subscription: Subscription = source.subscribe({
    next: (leased) => got.push(leased),
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push("complete"),
  });
  return { got, ends, subscription };
}

describe("pulling", () => {
  it("makes no more values than there are leases", async () => {
    const { seen, open } = counter();
    const { got, subscription } = collect(pull(open, new Credits(3)));
    for (let i = 0; i < 50; i++) await turn();

    expect(got.map(({ value }) => value)).toEqual([0, 1, 2]);
    expect(seen.made).toBe(3);
    subscription.unsubscribe();
  });

  it("makes the next value when a lease returns", async () => {
    const { open } = counter();
    const { got, subscription } = collect(pull(open, new Credits(1)));
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) await turn();
      got.at(-1)?.lease.release();
      got.at(-1)?.lease.release();
    }

    expect(got.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]);
    subscription.unsubscribe();
  });

  it("opens nothing until somebody subscribes, and a source for each who does", async () => {
    const { seen, open } = counter(1);
    const source = pull(open, new Credits(4));
    expect(seen.opened).toBe(0);

    collect(source);
    collect(source);
    for (let i = 0; i < 5; i++) await turn();

    expect(seen).toMatchObject({ opened: 2, closed: 2 });
  });

  it("gives every lease back at the end, once those given away are released", async () => {
    const credits = new Credits(2);
    const { got, ends } = collect(pull(counter(2).open, credits));
    for (let i = 0; i < 10; i++) await turn();
    for (const { lease } of got) lease.release();
    for (let i = 0; i < 10; i++) await turn();

    expect(ends).toEqual(["complete"]);
    expect(credits.available).toBe(2);
  });

  it("passes a failure on and keeps no lease", async () => {
    const credits = new Credits(2);
    const { ends } = collect(
      pull(async function* () {
        yield await Promise.resolve(1);
        throw new Error("broken");
      }, credits),
    );
    for (let i = 0; i < 10; i++) await turn();

    expect(ends).toEqual([new Error("broken")]);
    expect(credits.available).toBe(2);
  });

  it("closes the source and returns all leases when the subscriber leaves, at whatever moment", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.nat(12),
        fc.array(fc.boolean()),
        async (capacity, leave, releases) => {
          const credits = new Credits(capacity);
          const { seen, open } = counter();
          const { got, subscription } = collect(pull(open, credits));
          for (let i = 0; i < leave; i++) {
            await turn();
            if (releases[i] === true) got.shift()?.lease.release();
          }
          subscription.unsubscribe();
          const { made } = seen;
          for (let i = 0; i < 6; i++) await turn();

          expect(credits.available).toBe(capacity);
          expect(seen.closed).toBe(seen.opened);
          expect(seen.made).toBeLessThanOrEqual(made + 1);
        },
      ),
    );
  });

  it("aborts the signal it gave the source when its reader has enough", async () => {
    const signals: AbortSignal[] = [];
    const credits = new Credits(1);
    const source = pull(async function* (signal) {
      signals.push(signal);
      yield await Promise.resolve(1);
    }, credits);
    collect(source.pipe(take(1)));
    for (let i = 0; i < 5; i++) await turn();

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(credits.available).toBe(1);
  });
});
