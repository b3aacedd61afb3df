import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as, type Micros, type Millis } from "../../../../src/core/units.ts";
import {
  absSendTime,
  NtpClock,
  ntpMiddle,
  ntpWords,
} from "../../../../src/transport/webrtc/ntp.ts";
import { MediaTimeline, TrackClock } from "../../../../src/transport/webrtc/timeline.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const us = (value: number): Micros => as(value);
const ms = (value: number): Millis => as(value);

describe("media time on the clock", () => {
  it("keeps its distances while packets come about when they should", () => {
    const timeline = new MediaTimeline();
    expect(timeline.place(us(0), ms(1_000))).toBe(1_000_000);
    expect(timeline.place(us(33_333), ms(1_090))).toBe(1_033_333);
    expect(timeline.place(us(66_667), ms(1_060))).toBe(1_066_667);
    expect(timeline.moves).toBe(1);
  });

  it("moves pictures and sound together when media time stood still", () => {
    const timeline = new MediaTimeline();
    timeline.place(us(0), ms(0));
    // Three seconds of a pause.
    expect(timeline.place(us(33_333), ms(3_033))).toBe(3_033_000);
    expect(timeline.place(us(40_000), ms(3_045))).toBe(3_039_667);
    expect(timeline.moves).toBe(2);
  });

  it("does not let two tracks pull in turns that are a little apart", () => {
    const timeline = new MediaTimeline();
    for (let i = 0; i < 50; i++) {
      timeline.place(us(i * 20_000), ms(i * 20));
      timeline.place(us(i * 20_000), ms(i * 20 + 120));
    }
    expect(timeline.moves).toBe(2);
  });

  it("is never further from the clock than it may be", () => {
    const steps = fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (all) => {
        const timeline = new MediaTimeline();
        let [media, now] = [0, 0];
        for (const [mediaStep, clockStep] of all) {
          media += mediaStep * 1000;
          now += clockStep;
          const early = timeline.place(us(media), ms(now)) - now * 1000;
          expect(early).toBeGreaterThanOrEqual(-100_000);
          expect(early).toBeLessThanOrEqual(250_000);
        }
      }),
    );
  });
});

describe("RTP time of a track", () => {
  it("counts in its own ticks and wraps", () => {
    const sound = new TrackClock(48_000, 2 ** 32 - 960);
    expect(sound.next(us(0))).toBe(2 ** 32 - 960);
    expect(sound.next(us(20_000))).toBe(0);
    expect(sound.at(us(40_000))).toBe(960);
  });

  it("never goes back, though media time be laid anew", () => {
    const video = new TrackClock(90_000, 0);
    expect(video.next(us(1_000_000))).toBe(90_000);
    expect(video.next(us(900_000))).toBe(90_001);
    expect(video.next(us(1_100_000))).toBe(99_000);
  });
});

describe("NTP time", () => {
  it("is that of the wall clock, and follows when it is set", async () => {
    const clock = new ManualClock();
    let wall = 1_700_000_000_000;
    const ntp = new NtpClock(clock, () => ms(wall));
    await clock.advance(500);
    expect(ntp.seconds(clock.now())).toBeCloseTo(1_700_000_000.5 + 2_208_988_800, 3);
    ntp.follow();
    wall += 60_500;
    ntp.follow();
    expect(ntp.seconds(clock.now())).toBeCloseTo(1_700_000_060.5 + 2_208_988_800, 3);
  });

  it("is written in its three forms", () => {
    expect(ntpWords(3_900_000_000.25)).toEqual([3_900_000_000, 0x4000_0000]);
    expect(ntpMiddle(65_537.5)).toBe(0x1_8000);
    expect(absSendTime(64.5)).toBe(0x2_0000);
  });
});
