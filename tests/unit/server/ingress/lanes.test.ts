import { expect, test } from "vitest";
import { as } from "../../../../src/core/units.ts";
import type { PictureDecoder, SoundDecoder } from "../../../../src/media/codecs/decode.ts";
import { PictureLane } from "../../../../src/server/ingress/picture-lane.ts";
import { SoundLane } from "../../../../src/server/ingress/sound-lane.ts";
import type { IncomingVideo } from "../../../../src/transport/webrtc/contract.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A lane whose decoder waits to be let go. */
function pictureLane() {
  const clock = new ManualClock();
  const seen = { wanted: 0, opened: 0, closed: 0, waiting: [] as ((ok: boolean) => void)[] };
  const decoder: PictureDecoder = {
    decode: () =>
      new Promise((resolve, reject) => {
        seen.waiting.push((isGood) => {
          if (isGood) resolve({ rgb: new Uint8Array(12), source: { width: 640, height: 480 } });
          else reject(new Error("broken"));
        });
      }),
    close: () => {
      seen.closed += 1;
    },
  };
  const lane = new PictureLane({
    open: () => {
      seen.opened += 1;
      return Promise.resolve(decoder);
    },
    size: { width: 2, height: 2 },
    clock,
    requestKeyframe: () => {
      seen.wanted += 1;
    },
  });
  const finish = async (isGood = true) => {
    await turn();
    seen.waiting.shift()?.(isGood);
    await turn();
  };
  return { clock, lane, seen, finish };
}

const picture = (key: boolean, rtpTime = 0): IncomingVideo => ({
  codec: "vp8",
  key,
  rtpTime,
  data: new Uint8Array(1),
});

test("nothing is decoded before a key picture, which is asked for", async () => {
  const { lane, seen, finish } = pictureLane();

  lane.push(picture(false));
  await finish();
  expect([seen.opened, seen.wanted]).toEqual([0, 1]);
  lane.push(picture(true, 90));
  await finish();

  expect(lane.latest).toMatchObject({ width: 2, height: 2, number: 0, rtpTime: 90 });
  expect(lane.figures).toMatchObject({ codec: "vp8", width: 640, fps: 1, frames: 1, dropped: 1 });
});

test("a decoder that is too slow loses pictures up to the next key picture, never memory", async () => {
  const { lane, seen, finish } = pictureLane();
  lane.push(picture(true));
  for (let i = 0; i < 100; i++) lane.push(picture(false));
  for (let i = 0; i < 20; i++) await finish();

  expect(lane.figures?.frames).toBeLessThanOrEqual(10);
  expect(lane.figures?.dropped).toBeGreaterThanOrEqual(90);
  expect(seen.wanted).toBe(1);
});

test("a broken picture gets a fresh decoder, and at most one request in 300 ms", async () => {
  const { clock, lane, seen, finish } = pictureLane();
  for (let i = 0; i < 3; i++) {
    lane.push(picture(true));
    await finish(false);
  }
  expect([seen.opened, seen.closed, seen.wanted]).toEqual([3, 3, 1]);

  await clock.advance(as(300));
  lane.push(picture(false));
  expect(seen.wanted).toBe(2);
});

test("a lane that is closed waits for the decoder, and shows nothing more", async () => {
  const { lane, seen, finish } = pictureLane();
  lane.push(picture(true));
  await turn();

  lane.close();
  expect(seen.closed).toBe(0);
  await finish();

  expect(seen.closed).toBe(1);
  expect(lane.latest).toBeUndefined();
});

/** A decoder of packets that say how many samples they have, all of one value. */
const soundDecoder: SoundDecoder = {
  decode: ([count = 0]) => {
    if (count === 0) throw new Error("broken");
    return new Float32Array(count).fill(0.1);
  },
  close: () => undefined,
};

const soundLane = () => new SoundLane(new ManualClock(), soundDecoder);

const sound = (rtpTime: number, samples = 100) => ({ rtpTime, data: Uint8Array.of(samples) });

test("missing packets are silence, so that sample numbers are time", () => {
  const lane = soundLane();
  lane.push(sound(2 ** 32 - 100));
  lane.push(sound(200));

  const { first, samples } = lane.read(0, 48_000);

  expect([first, samples.length]).toEqual([0, 400]);
  expect(samples.indexOf(0)).toBe(100);
  expect(samples.lastIndexOf(0)).toBe(299);
});

test("late and broken packets are dropped, and counted", () => {
  const lane = soundLane();
  lane.push(sound(1_000));
  lane.push(sound(900));
  lane.push(sound(1_100, 0));

  expect(lane.read(0, 48_000).samples).toHaveLength(100);
  expect(lane.figures).toMatchObject({ packets: 1, dropped: 2, level_dbfs: -20 });
});

test("a jump of more than is kept begins anew; a flood is let through in part", () => {
  const lane = soundLane();
  lane.push(sound(0));
  lane.push(sound(48_000 * 60));
  expect(lane.read(0, 48_000).samples).toHaveLength(200);

  for (let i = 0; i < 1_000; i++) lane.push(sound(48_000 * 60 + 100 * (i + 1)));
  expect(lane.figures?.dropped).toBeGreaterThan(700);
});
