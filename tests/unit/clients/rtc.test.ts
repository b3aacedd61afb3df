import { expect, test } from "vitest";
import { AppliedEpochs } from "../../../clients/web/rtc/applied-epochs.ts";
import { FrameClock } from "../../../clients/web/rtc/frame-clock.ts";
import { isLossable } from "../../../clients/web/rtc/offer.ts";
import { StallWatch } from "../../../clients/web/rtc/stall.ts";
import { RtcMeter } from "../../../clients/web/rtc/stats.ts";
import type { Control } from "../../../src/core/controls.ts";
import { as, type Micros, type Millis } from "../../../src/core/units.ts";

const ms = (value: number): Millis => as(value);
const us = (value: number): Micros => as(value);
const FRAME = 1000 / 30;

/** Shows frames `from` to `to` 40 ms after they were made; a report comes with every tenth. */
function play(clock: FrameClock, base: number, from: number, to: number): (number | undefined)[] {
  return Array.from({ length: to - from }, (_, i) => {
    const frame = from + i;
    const at = frame * FRAME;
    const pts = us(Math.round((frame * 1e6) / 30));
    if (frame % 10 === 0) clock.reported(pts, ms(at), ms(40));
    const rtp = (base + frame * 3000) % 2 ** 32;
    const shown = clock.shown(rtp, ms(at + 41));
    return shown === undefined ? undefined : Math.round((shown * 30) / 1e6);
  });
}

test.each([1_234_567, 2 ** 32 - 200_000, 0])(
  "pictures that start at RTP time %d are told by the server's reports",
  (base) => {
    const frames = play(new FrameClock(), base, 0, 200);
    expect(frames.slice(20)).toEqual(Array.from({ length: 180 }, (_, i) => i + 20));
  },
);

test("pictures are told anew when the server lays media time anew", () => {
  const clock = new FrameClock();
  play(clock, 5_000, 0, 100);
  const frames = play(clock, 900_000, 100, 200);
  expect(frames.slice(20)).toEqual(Array.from({ length: 80 }, (_, i) => i + 120));
});

test("before the first report nothing is known", () => {
  expect(new FrameClock().shown(1000, ms(0))).toBeUndefined();
});

test("a picture shows the newest change that was applied before it", () => {
  const epochs = new AppliedEpochs();
  expect(epochs.at(us(0))).toBe(0);
  epochs.applied(3, 100_000);
  epochs.applied(4, 200_000);
  expect([99_000, 150_000, 195_000].map((pts) => epochs.at(us(pts)))).toEqual([3, 3, 4]);
  expect(epochs.at(us(80_000))).toBe(0);
});

test("frames made and none decoded for some seconds are a stall; a session that stands still is none", () => {
  const watch = new StallWatch();
  watch.made(1, ms(0));
  expect(watch.isStalled(0, ms(100))).toBe(false);
  watch.made(30, ms(1_000));
  expect(watch.isStalled(0, ms(4_500))).toBe(false);
  expect(watch.isStalled(0, ms(5_100))).toBe(true);
  expect(watch.isStalled(1, ms(5_200))).toBe(false);
  watch.made(30, ms(6_000));
  expect(watch.isStalled(1, ms(60_000))).toBe(false);
});

const inbound = (kind: string, values: object) => ({ type: "inbound-rtp", kind, ...values });

test("statistics become rates between two readings", () => {
  const meter = new RtcMeter();
  meter.read([
    inbound("video", { bytesReceived: 1000, packetsReceived: 10, framesDecoded: 5 }),
    inbound("audio", { bytesReceived: 100, packetsReceived: 10 }),
  ]);
  const { sample, decoded } = meter.read([
    inbound("video", {
      bytesReceived: 3000,
      packetsReceived: 105,
      packetsLost: 5,
      framesDecoded: 20,
      totalDecodeTime: 0.03,
      jitterBufferDelay: 0.6,
      jitterBufferEmittedCount: 15,
      freezeCount: 2,
      estimatedPlayoutTimestamp: 10_000,
      timestamp: 50,
    }),
    inbound("audio", {
      bytesReceived: 200,
      packetsReceived: 10,
      estimatedPlayoutTimestamp: 9_985,
      timestamp: 50,
    }),
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.012 },
  ]);
  expect(decoded).toBe(20);
  expect(sample).toMatchObject({ bytes: 2100, loss: 0.05, packetsLost: 5, freezes: 2, skew: 15 });
  expect(sample.roundTrip).toBeCloseTo(12);
  expect(sample.jitterBuffer).toBeCloseTo(40);
  expect(sample.decodeTime).toBeCloseTo(2);
});

test("only motions may be lost on the way: what is held must arrive", () => {
  const controls = [
    { kind: "axis", name: "turn", merge: "accumulate" },
    { kind: "button", name: "jump", merge: "hold" },
  ] as unknown as readonly Control[];
  const input = (values: Record<string, number>) =>
    isLossable({ type: "control.input", values }, controls);
  expect(input({ turn: 0.2 })).toBe(true);
  expect(input({ jump: 1 })).toBe(false);
  expect(input({ turn: 0.2, jump: 0 })).toBe(false);
  expect(isLossable({ type: "generation.pause" }, controls)).toBe(false);
});
