import fc from "fast-check";
import { expect, test } from "vitest";
import { as } from "../../../../src/core/units.ts";
import { BlockDeadline } from "../../../../src/stream/engine/block-deadline.ts";

const MOST = 10_000;

function after(times: readonly number[]): number {
  const deadline = new BlockDeadline(as(MOST));
  for (const took of times) deadline.made(as(took));
  return deadline.current;
}

const blocks = (count: number, took: number): number[] => Array<number>(count).fill(took);

test("until enough blocks are known nothing is concluded", () => {
  expect(after([])).toBe(MOST);
  expect(after(blocks(7, 30))).toBe(MOST);
  expect(after(blocks(8, 30))).toBe(2_000);
});

test("slow blocks are waited for in proportion, up to the deadline of any call", () => {
  expect(after(blocks(10, 100))).toBe(3_000);
  expect(after(blocks(10, 1_000))).toBe(MOST);
});

test("one slow block is remembered for a while", () => {
  const slow = [...blocks(10, 30), 200];

  expect(after(slow)).toBe(6_000);
  expect(after([...slow, ...blocks(30, 30)])).toBeGreaterThan(4_000);
  expect(after([...slow, ...blocks(300, 30)])).toBe(2_000);
});

test("it is never less than a block of late took many times over, nor more than a call may take", () => {
  const times = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { maxLength: 40 });
  fc.assert(
    fc.property(times, (took) => {
      const deadline = after(took);

      expect(deadline).toBeLessThanOrEqual(MOST);
      expect(deadline).toBeGreaterThanOrEqual(2_000);
      expect(deadline).toBeGreaterThanOrEqual(Math.min(MOST, 30 * (took.at(-1) ?? 0)));
    }),
  );
});

test("a short deadline stays the deadline", () => {
  const deadline = new BlockDeadline(as(500));
  for (const took of blocks(20, 30)) deadline.made(as(took));

  expect(deadline.current).toBe(500);
});
