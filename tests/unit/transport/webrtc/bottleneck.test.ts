/** What a viewer gets while its network becomes narrow and wide again: all of the sender but the sockets. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { NarrowNetwork } from "../../../support/narrow-network.ts";

const BITRATE = 1_500_000;
const NARROW = { delay: 5, bottleneck: { rate: 900_000, queue: 56_250 } };
const WIDE = { delay: 5 };

let network: NarrowNetwork;
beforeEach(() => {
  network = new NarrowNetwork(BITRATE);
});
afterEach(() => network.close());

const oldest = (from: number, to = network.now) =>
  Math.max(
    ...network.pictures.filter(({ made }) => made >= from && made < to).map(({ age }) => age),
  );

/** The longest time between two pictures that arrived. */
function longestGap(from: number): number {
  const at = network.pictures.map(({ made, age }) => made + age).filter((time) => time >= from);
  return Math.max(...at.slice(1).map((time, i) => time - (at[i] ?? 0)));
}

test("on a wide network all pictures come at once, at the highest bitrate", async () => {
  await network.run(20);
  expect(network.bitrate).toBe(BITRATE);
  expect(network.pictures.length).toBeGreaterThan(598);
  expect(oldest(0)).toBeLessThan(40);
});

test("in a bottleneck pictures are fresh again within two seconds, and none stays away for long", async () => {
  await network.run(8);
  network.conditions = NARROW;
  await network.run(20);
  expect(network.bitrate).toBeLessThan(BITRATE / 2 + 1);
  expect(longestGap(8_000)).toBeLessThan(700);
  expect(oldest(10_000)).toBeLessThan(150);
  // A player remembers each half second in which sound came late, and keeps pictures back for it.
  const late = network.sound.filter(({ made, age }) => made > 8_000 && age > 100);
  expect(late.length).toBeLessThan(40);
});

test("after a bottleneck the bitrate is back within fifteen seconds, and stays", async () => {
  await network.run(8);
  network.conditions = NARROW;
  await network.run(20);
  network.conditions = WIDE;
  await network.run(15);
  expect(network.bitrate).toBe(BITRATE);
  const back = network.now;
  await network.run(15);
  expect(network.bitrate).toBe(BITRATE);
  expect(oldest(back)).toBeLessThan(60);
});

test("a way that becomes longer is no queue: the bitrate stays, after a moment", async () => {
  await network.run(8);
  network.conditions = { delay: 150 };
  await network.run(30);
  expect(network.bitrate).toBe(BITRATE);
});
