import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SpokenStretch, VoiceActivity } from "../../../../src/stream/speech/voice-activity.ts";

const WINDOW = 320;

/** Hear windows of these loudnesses, `perBlock` of them in a block; what was told, in windows from the beginning. */
function hear(loudness: readonly number[], perBlock = 4): SpokenStretch[] {
  const activity = new VoiceActivity();
  const told: SpokenStretch[] = [];
  for (let at = 0; at < loudness.length; at += perBlock) {
    const block = loudness.slice(at, at + perBlock).flatMap((level) => windowOf(level));
    for (const { from, to, isFirst, isLast } of activity.hear(Float32Array.from(block))) {
      told.push({ from: from / WINDOW + at, to: to / WINDOW + at, isFirst, isLast });
    }
  }
  return told;
}

const windowOf = (level: number): number[] =>
  Array.from({ length: WINDOW }, (_, i) => (i % 2 === 0 ? level : -level));
const quiet = (windows: number): number[] => Array.from({ length: windows }, () => 0);
const loud = (windows: number): number[] => Array.from({ length: windows }, () => 0.1);

/** The whole stretches that parts make up; the last may have no end. */
function whole(told: readonly SpokenStretch[]): { from: number; to: number; isOver: boolean }[] {
  const stretches: { from: number; to: number; isOver: boolean }[] = [];
  for (const { from, to, isFirst, isLast } of told) {
    if (isFirst) stretches.push({ from, to, isOver: isLast });
    else stretches.push({ from: stretches.pop()?.from ?? Number.NaN, to, isOver: isLast });
  }
  return stretches;
}

describe("who speaks into a microphone", () => {
  it("is nobody while it is silent, or hardly to be heard", () => {
    expect(hear(quiet(400))).toEqual([]);
    expect(hear(Array.from({ length: 400 }, () => 0.003))).toEqual([]);
  });

  it("begins with the first of several audible windows, in a block before it where it was there", () => {
    expect(hear([...quiet(3), ...loud(4), 0])).toEqual([
      { from: 3, to: 7, isFirst: true, isLast: false },
    ]);
  });

  it("does not begin with a click", () => {
    expect(hear([...quiet(3), ...loud(2), ...quiet(40)])).toEqual([]);
  });

  it("is done with the last audible window, which is known 600 ms later", () => {
    const told = hear([...loud(8), ...quiet(29)], 1);
    expect(told.at(-1)).toEqual({ from: 7, to: 8, isFirst: false, isLast: false });
    expect(hear([...loud(8), ...quiet(30)], 1).at(-1)).toEqual({
      from: 8,
      to: 8,
      isFirst: false,
      isLast: true,
    });
  });

  it("is not done in a pause inside a sentence", () => {
    const told = hear([...loud(8), ...quiet(28), ...loud(4), ...quiet(60)]);
    expect(whole(told)).toEqual([{ from: 0, to: 40, isOver: true }]);
  });

  it("begins again after it was done, also inside one block", () => {
    const told = hear([...loud(8), ...quiet(40), ...loud(8), ...quiet(40)], 96);
    expect(whole(told)).toEqual([
      { from: 0, to: 8, isOver: true },
      { from: 48, to: 56, isOver: true },
    ]);
  });

  it("begins again when it is forgotten", () => {
    const activity = new VoiceActivity();
    const block = Float32Array.from(loud(4).flatMap(windowOf));
    activity.hear(block);
    activity.forget();
    expect(activity.hear(block)).toMatchObject([{ from: 0, isFirst: true, isLast: false }]);
  });

  it("is told in parts that fit together, in the same way however long blocks are", () => {
    const pieces = fc.array(
      fc.record({ isLoud: fc.boolean(), windows: fc.integer({ min: 1, max: 45 }) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 9 }), (sound, perBlock) => {
        const all = sound.flatMap(({ isLoud, windows }) => (isLoud ? loud : quiet)(windows));
        const told = hear([...all, ...quiet(45)], perBlock);
        let reached = 0;
        for (const { from, to, isFirst } of told) {
          if (isFirst) expect(from).toBeGreaterThanOrEqual(reached);
          else expect(from).toBe(reached);
          expect(to).toBeGreaterThanOrEqual(from);
          reached = to;
        }
        expect(whole(told)).toEqual(whole(hear([...all, ...quiet(45)], 1)));
        expect(whole(told).every(({ isOver }) => isOver)).toBe(true);
      }),
    );
  });
});
