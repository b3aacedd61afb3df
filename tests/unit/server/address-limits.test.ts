import { expect, test } from "vitest";
import { AddressLimits } from "../../../src/server/address-limits.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const ONCE_A_SECOND = { perSecond: 1, burst: 1 };

test("each address has a rate of its own", async () => {
  const clock = new ManualClock();
  const limits = new AddressLimits(clock, ONCE_A_SECOND);

  expect(limits.take("192.0.2.1")).toBeUndefined();
  expect(limits.take("192.0.2.2")).toBeUndefined();
  expect(limits.take("192.0.2.1")).toBe(1_000);
  await clock.advance(1_000);
  expect(limits.take("192.0.2.1")).toBeUndefined();
});

test.each([
  ["the same address inside IPv6", "192.0.2.1", "::ffff:192.0.2.1"],
  ["another address of one IPv6 network", "2001:db8:1:2::3", "2001:db8:1:2:4:5:6:7"],
  ["an IPv6 network with zeros in it", "2001:db8::1", "2001:db8:0:0:9::"],
])("%s is one party", (_title, one, other) => {
  const limits = new AddressLimits(new ManualClock(), ONCE_A_SECOND);

  limits.take(one);

  expect(limits.take(other)).toBe(1_000);
});

test.each([
  ["IPv4 addresses", "192.0.2.1", "192.0.2.2"],
  ["IPv6 networks", "2001:db8:1:2::3", "2001:db8:1:3::3"],
  ["IPv4 addresses inside IPv6", "::ffff:192.0.2.1", "::ffff:192.0.2.2"],
])("two %s are two parties", (_title, one, other) => {
  const limits = new AddressLimits(new ManualClock(), ONCE_A_SECOND);

  limits.take(one);

  expect(limits.take(other)).toBeUndefined();
});

test("of very many addresses those that came last are remembered", () => {
  const limits = new AddressLimits(new ManualClock(), ONCE_A_SECOND);
  limits.take("first");
  for (let i = 0; i < 4_096; i++) limits.take(`later-${i}`);

  expect(limits.take("later-4095")).toBe(1_000);
  expect(limits.take("first")).toBeUndefined();
});
