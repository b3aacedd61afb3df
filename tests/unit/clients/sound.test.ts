import { describe, expect, test } from "vitest";
import { Acknowledgements } from "../../../clients/web/acknowledgements.ts";
import { Playout } from "../../../clients/web/playout.ts";
import { SoundClock } from "../../../clients/web/sound/sound-clock.ts";
import { SOUND_RATE, SoundQueue } from "../../../clients/web/sound/sound-queue.ts";
import { as, type Micros, type Millis } from "../../../src/core/units.ts";

const ms = (value: number): Millis => as(value);
const PACKET = 960;

/** Packet `index`: 20 ms whose samples are all `value`. */
const push = (queue: SoundQueue, index: number, value = 1) => {
  queue.push(as<Micros>(index * 20_000), new Float32Array(PACKET).fill(value));
};

const pull = (queue: SoundQueue, samples = 128) => {
  const output = new Float32Array(samples);
  return { pts: queue.pull(output), output };
};

describe("the sound queue", () => {
  test("holds back 50 ms, then plays in media time without a gap", () => {
    const queue = new SoundQueue(SOUND_RATE);
    push(queue, 0);
    push(queue, 1);
    expect(pull(queue).pts).toBeUndefined();
    push(queue, 2);
    expect(pull(queue).pts).toBeCloseTo(10_000);
    const { pts, output } = pull(queue);
    expect(pts).toBeCloseTo(10_000 + (128 / 48_000) * 1e6);
    expect([...output].every((sample) => sample === 1)).toBe(true);
  });

  test("a packet that never comes is silence, and what follows keeps its time", () => {
    const queue = new SoundQueue(SOUND_RATE);
    for (const index of [0, 1, 3, 4]) push(queue, index);
    const { pts, output } = pull(queue, PACKET);
    expect(pts).toBeCloseTo(50_000);
    expect(output[0]).toBe(0);
    expect(output[PACKET - 1]).toBe(1);
  });

  test("an empty queue fades out and waits until there is enough again", () => {
    const queue = new SoundQueue(SOUND_RATE);
    for (let index = 0; index < 3; index++) push(queue, index);
    const { output } = pull(queue, 4 * PACKET);
    expect(output[0]).toBe(1);
    expect(Math.abs(output[4 * PACKET - 1] ?? 1)).toBeLessThan(0.001);
    push(queue, 3);
    expect(pull(queue).pts).toBeUndefined();
    push(queue, 4);
    push(queue, 5);
    expect(pull(queue).pts).toBeDefined();
  });

  test("a burst after a hold-up is jumped over, not played late for ever", () => {
    const queue = new SoundQueue(SOUND_RATE);
    for (let index = 0; index < 3; index++) push(queue, index);
    pull(queue);
    for (let index = 3; index < 20; index++) push(queue, index);
    expect(pull(queue).pts).toBeCloseTo(350_000);
  });

  test("a server whose clock runs fast or slow is followed: the level stays near the target", () => {
    for (const drift of [1.002, 0.998]) {
      const queue = new SoundQueue(SOUND_RATE);
      let sent = 0;
      let played = 0;
      const levels: number[] = [];
      for (let at = 0; at < 60_000; at += 1000 / 375) {
        while (sent * 20 <= at * drift) push(queue, sent++);
        const { pts } = pull(queue);
        if (pts !== undefined) levels.push(sent * 20 - pts / 1000);
        else if (at > 500) played += 1;
      }
      expect(played).toBe(0);
      expect(Math.max(...levels.slice(1000))).toBeLessThan(110);
    }
  });

  test("plays at the rate of the loudspeaker", () => {
    const queue = new SoundQueue(24_000);
    for (let index = 0; index < 5; index++) push(queue, index);
    const first = pull(queue, 240).pts ?? 0;
    const second = pull(queue, 240).pts ?? 0;
    expect(second - first).toBeCloseTo(10_000, -2);
  });
});

test("the sound's clock says when media time is heard, until the sound stops", () => {
  const clock = new SoundClock();
  expect(clock.offset(ms(0))).toBeUndefined();
  clock.tell(
    { pts: as(2_000_000), time: 5.1 },
    { contextTime: 5, performanceTime: 9_000 },
    ms(9_010),
  );
  expect(clock.offset(ms(9_050))).toBeCloseTo(7_100);
  expect(clock.offset(ms(10_000))).toBeUndefined();
});

test("pictures are shown when the sound of their time is heard", () => {
  const playout = new Playout<number>();
  const shownAt: number[] = [];
  for (let now = 0; now < 4_000; now += 5) {
    if (now % 40 === 0) {
      playout.follow(ms(100));
      const frame = now / 40;
      playout.push(frame, { pts: as(frame * 40_000), duration: as(40_000) }, ms(now));
    }
    const { show } = playout.due(ms(now));
    if (show !== undefined) shownAt.push(now - show * 40);
  }
  for (const late of shownAt.slice(-20)) expect(Math.abs(late - 100)).toBeLessThanOrEqual(10);
});

describe("what is acknowledged", () => {
  test("is everything up to the oldest picture in the decoder", () => {
    const acks = new Acknowledgements();
    expect(acks.sound(0)).toBe(0);
    acks.picture(1);
    expect(acks.sound(2)).toBeUndefined();
    acks.picture(3);
    expect(acks.sound(4)).toBeUndefined();
    expect(acks.done(1)).toBe(2);
    expect(acks.done(3)).toBe(4);
    expect(acks.sound(5)).toBe(5);
  });

  test("pictures that a broken decoder lost are settled by a later one", () => {
    const acks = new Acknowledgements();
    for (const sequence of [0, 1, 2]) acks.picture(sequence);
    expect(acks.done(2)).toBe(2);
    expect(acks.sound(3)).toBe(3);
  });
});
