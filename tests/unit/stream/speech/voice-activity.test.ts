import { expect, it } from "vitest";
import { VoiceActivity } from "../../../../src/stream/speech/voice-activity.ts";

/** Blocks of 40 ms: three of them begin an utterance, fifteen end it. */
const heard = (audible: readonly boolean[]): string =>
  audible
    .map(
      (
        (activity) => (isAudible) =>
          activity.observe(isAudible) === "speaking" ? "x" : "."
      )(new VoiceActivity(0.04)),
    )
    .join("");

const blocks = (text: string): boolean[] => [...text].map((one) => one === "x");

it("takes clicks for none, and the pauses of a sentence for part of it", () => {
  expect(heard(blocks("xx..xx.x..x"))).toBe("...........");
  expect(heard(blocks("xxx..............x...."))).toBe("..xxxxxxxxxxxxxxxxxxxx");
});

it("ends after a longer pause, and can begin again", () => {
  expect(heard(blocks(`xxx${".".repeat(16)}xxx`))).toBe(`..x${"x".repeat(14)}....x`);
});

it("begins anew after something else was heard", () => {
  const activity = new VoiceActivity(0.04);
  for (let i = 0; i < 5; i++) activity.observe(true);
  activity.stop();
  expect([true, true, true].map((one) => activity.observe(one))).toEqual([
    "silent",
    "silent",
    "speaking",
  ]);
});
