import { describe, expect, it } from "vitest";
import { ClickFinder } from "../../../bench/page/click-finder.ts";
import type { RtcObservation } from "../../../bench/page/rtc-observation.ts";
import { ageAt, markedTime } from "../../../bench/webrtc/marked-time.ts";
import { agesOf, driftOf, freezesOf, gapsOf, rateOf, skewsOf } from "../../../bench/webrtc/seen.ts";
import { SAMPLE_RATE, testSignal } from "../../../src/media/sound/test-signal.ts";

const START = 1_700_000_000_000;
const FRAME_MS = 1000 / 30;

/** A minute of pictures; picture `i` is `age(i)` old. */
const shown = (age: (i: number) => number): RtcObservation["shown"] =>
  Array.from({ length: 1800 }, (_, i) => {
    const at = Math.round(START + i * FRAME_MS);
    return [at, i, markedTime(at - age(i))] as const;
  });

const observation = (some: Partial<RtcObservation>): RtcObservation => ({
  shown: [],
  unread: 0,
  clicks: [],
  received: [],
  roundTrips: [],
  heldMs: { video: 0, audio: 0 },
  nacks: 0,
  plis: 0,
  codec: "",
  ...some,
});

describe("a picture's age", () => {
  it("survives the wrap of a marker's 24 bits", () => {
    const wrap = 2 ** 24 * 1000;
    expect(ageAt(markedTime(wrap - 5), wrap + 7)).toBe(12);
  });

  it("is told of each picture, and how fast it grows", () => {
    expect(agesOf(shown(() => 25)).every((age) => age === 25)).toBe(true);
    expect(driftOf(shown(() => 25))).toBeCloseTo(0);
    expect(driftOf(shown((i) => Math.floor(i / 180)))).toBeCloseTo(10, 0);
  });
});

describe("gaps", () => {
  it("count the edges, so that a picture that never comes back is a long one", () => {
    const gaps = gapsOf(shown(() => 0).slice(0, 30), START, START + 2000);
    expect(Math.max(...gaps)).toBeCloseTo(1033, 0);
    expect(freezesOf(gaps, 250)).toBe(1);
  });
});

describe("skew", () => {
  it("is the click less the picture it belongs to", () => {
    const clicks = [0, 1, 2].map((second) => START + second * 1000 + 15);
    const skews = skewsOf(observation({ shown: shown(() => 0), clicks }));
    expect(skews.map(([, skew]) => skew)).toEqual([15, 15, 15]);
  });
});

describe("a rate", () => {
  it("is taken between two counts of bytes", () => {
    const received = [0, 1, 2].map((second) => [START + second * 1000, second * 1000] as const);
    expect(rateOf(observation({ received }), START, START + 2000)).toBe(8000);
    expect(rateOf(observation({}), START, START + 2000)).toBe(0);
  });
});

describe("clicks", () => {
  it("are found where they begin, though pieces arrive unevenly", () => {
    const finder = new ClickFinder();
    for (let i = 0; i < 300; i++) {
      const lateness = i % 2 === 0 ? 0 : 1;
      finder.take(testSignal(i * 480, 480, 30), SAMPLE_RATE, START + i * 10 + lateness);
    }
    expect(finder.clicks).toHaveLength(3);
    for (const [second, at] of finder.clicks.entries()) {
      expect(Math.abs(at - START - second * 1000)).toBeLessThan(2);
    }
  });
});
