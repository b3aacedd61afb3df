import { expect, it } from "vitest";
import { as, type Millis } from "../../../../src/core/units.ts";
import { SentHistory } from "../../../../src/transport/webrtc/history.ts";
import { RepeatBudget } from "../../../../src/transport/webrtc/repeat-budget.ts";
import { SentLog } from "../../../../src/transport/webrtc/sent-log.ts";

const ms = (value: number): Millis => as(value);

it("keeps more than a second of packets, over the wrap of their numbers", () => {
  const history = new SentHistory<number>();
  for (let i = 0; i < 3_000; i++) history.keep((65_000 + i) & 0xffff, i, ms(i * 0.5));
  expect(history.again(65_000, ms(1_500))).toBe(0);
  expect(history.again((65_000 + 2_999) & 0xffff, ms(1_500))).toBe(2_999);
});

it("does not send a packet again that was sent again just now", () => {
  const history = new SentHistory<string>();
  history.keep(7, "packet", ms(0));
  expect(history.again(7, ms(30))).toBe("packet");
  expect(history.again(7, ms(40))).toBe("needless");
  expect(history.again(7, ms(60))).toBe("packet");
  // The round trip is longer.
  expect(history.again(7, ms(90), ms(50))).toBe("needless");
  expect(history.again(7, ms(120), ms(50))).toBe("packet");
});

it("knows nothing of old packets and of those that never were", () => {
  const history = new SentHistory<string>();
  history.keep(7, "packet", ms(0));
  expect(history.again(7, ms(2_500))).toBeUndefined();
  expect(history.again(8, ms(0))).toBeUndefined();
  expect(history.again((7 + 4_096) & 0xffff, ms(0))).toBeUndefined();
});

it("repeats nothing from before a key picture, until numbers come round", () => {
  const history = new SentHistory<number>();
  const keep = (number: number) => history.keep(number & 0xffff, number, ms(0));
  for (let i = 65_530; i < 65_540; i++) keep(i);
  history.beginKey(65_540 & 0xffff);
  keep(65_540);
  expect(history.again(65_535, ms(0))).toBe("needless");
  expect(history.again(3, ms(0))).toBe("needless");
  expect(history.again(4, ms(0))).toBe(65_540);
  for (let i = 65_541; i < 65_541 + 40_000; i++) keep(i);
  expect(history.again((65_541 + 39_999) & 0xffff, ms(0))).toBe(65_541 + 39_999);
});

it("lets so much be sent again, and more with time", () => {
  const budget = new RepeatBudget(800_000, ms(0));
  expect(budget.isOpen(ms(0))).toBe(true);
  // A quarter of a second's bytes.
  budget.spend(25_000);
  expect(budget.isOpen(ms(0))).toBe(false);
  expect(budget.isOpen(ms(1))).toBe(true);
});

it("tells what became of packets, each once", () => {
  const log = new SentLog();
  const first = log.number(ms(1), 100);
  const second = log.number(ms(2), 200);
  const reports = [{ sequence: first, at: 50 }, { sequence: second }, { sequence: 999, at: 1 }];
  expect(log.fates(reports)).toEqual([
    { sentAt: 1, bytes: 100, arrivedAt: 50 },
    { sentAt: 2, bytes: 200 },
  ]);
  // One that came late after all.
  expect(
    log.fates([
      { sequence: first, at: 50 },
      { sequence: second, at: 60 },
    ]),
  ).toEqual([{ sentAt: 2, bytes: 200, arrivedAt: 60 }]);
});
