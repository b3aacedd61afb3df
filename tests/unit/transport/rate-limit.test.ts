import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimit } from "../../../src/transport/rate-limit.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const takeAll = (limit: RateLimit): number => {
  let taken = 0;
  while (limit.take()) taken += 1;
  return taken;
};

test("a burst is let through at once, then the sustained rate", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(clock, { perSecond: 10, burst: 30 });

  expect(takeAll(limit)).toBe(30);
  await clock.advance(500);
  expect(takeAll(limit)).toBe(5);
  await clock.advance(60_000);
  expect(takeAll(limit)).toBe(30);
});

test("the wait is the time until the next one", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(clock, { perSecond: 0.5, burst: 2 });
  expect(limit.wait).toBe(0);
  takeAll(limit);
  await clock.advance(500);

  expect(limit.wait).toBe(1_500);
  await clock.advance(limit.wait - 1);
  expect(limit.take()).toBe(false);
  await clock.advance(1);
  expect(limit.take()).toBe(true);
});

test("over any time no more than the burst and the rate are let through", async () => {
  const rate = { perSecond: 20, burst: 7 };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(300), { maxLength: 30 }), async (waits) => {
      const clock = new ManualClock();
      const limit = new RateLimit(clock, rate);
      let taken = takeAll(limit);
      for (const wait of waits) {
        await clock.advance(wait);
        taken += takeAll(limit);
      }
      expect(taken).toBeLessThanOrEqual(rate.burst + (clock.now() / 1000) * rate.perSecond + 1e-6);
    }),
  );
});
