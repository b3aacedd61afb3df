import { expect, it } from "vitest";
import {
  clickSkews,
  correlation,
  framesPerSecond,
  mouthDelays,
  saidFrames,
  tornMs,
} from "../../../bench/avatar/timing.ts";
import type { Round, Sitting } from "../../../bench/page/sitting.ts";

const SECOND = 16_000;

/** Frames of 40 ms from number 100 on, each drawn 30 ms after it began; what is said begins with frame 105. */
const BEGINS = 105 * 40_000;
const round = (sent: Round["sent"] = [], torn = 0): Round => ({
  ...{ sent, begins: BEGINS },
  ...{ ends: BEGINS + 1_000_000 + 1000 * torn, playedMs: 1000 },
});
const sitting = (change: Partial<Sitting> = {}): Sitting => ({
  frameRate: 25,
  rounds: [round()],
  shown: Array.from({ length: 50 }, (_, i) => [1_000_000 + 40 * i + 30, 100 + i] as const),
  clicks: [],
  pictures: "",
  ...change,
});

it("takes a mouth's delay from when a piece's last sample was there until the frame with it was drawn", () => {
  // 320 samples, 20 ms, end within the first frame; 960 within the second.
  const sent = [[1_000_150, 320] as const, [1_000_190, 960] as const];
  expect(mouthDelays(sitting({ rounds: [round(sent)] }))).toEqual([
    1_000_230 - 1_000_150,
    1_000_270 - 1_000_190,
  ]);
});

it("counts a frame that was never drawn as the next one, and none for what was never shown", () => {
  const shown = sitting().shown.filter(([, frame]) => frame !== 105);
  const sent = [[1_000_150, 320] as const, [1_000_150, 100 * SECOND] as const];
  expect(mouthDelays(sitting({ shown, rounds: [round(sent)] }))).toEqual([120]);
});

it("compares a click with its place inside the frame that has it", () => {
  // The 800th sample is 10 ms into frame 106, which was drawn at 270.
  const skews = clickSkews(sitting({ clicks: [1_000_300, 1_002_000] }), round(), [800]);
  expect(skews).toEqual([20]);
});

it("leaves out clicks that nobody heard, and those whose frame was not drawn", () => {
  expect(clickSkews(sitting({ clicks: [1_009_000] }), round(), [800])).toEqual([]);
  expect(clickSkews(sitting({ clicks: [1_000_300] }), round(), [100 * SECOND])).toEqual([]);
});

it("takes a torn round for as late as it may be, and its clicks for none", () => {
  const torn = round([[1_000_150, 320]], 40);
  expect(tornMs(torn)).toBe(40);
  expect(tornMs(round())).toBe(0);
  expect(mouthDelays(sitting({ rounds: [torn] }))).toEqual([1_000_270 - 1_000_150]);
  expect(clickSkews(sitting({ clicks: [1_000_300] }), torn, [800])).toEqual([]);
});

it("counts distinct frames while something is said", () => {
  const shown = sitting().shown.flatMap((one) => [one, one]);
  const sent = [[1_000_000, 320] as const, [1_001_000, 16_000] as const];
  expect(framesPerSecond(sitting({ shown, rounds: [round(sent)] }))).toBeCloseTo(25);
});

it("finds what was said in the frames that were drawn", () => {
  expect(saidFrames(sitting(), 3)).toEqual([
    { index: 5, said: 0 },
    { index: 6, said: 1 },
    { index: 7, said: 2 },
  ]);
});

it("correlates", () => {
  expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1);
  expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
  expect(correlation([1, 2, 1, 2], [1, 1, 2, 2])).toBeCloseTo(0);
});
