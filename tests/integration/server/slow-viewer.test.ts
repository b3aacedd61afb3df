import { expect, onTestFinished, test } from "vitest";
import { ManualClock } from "../../support/manual-clock.ts";
import { heldArrayBuffers } from "../../support/memory.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service } from "../../support/service.ts";

const SIZE = { width: 32, height: 32 };
const RATE = 30;

const serve = async (size = SIZE) => {
  const engine = pictureEngine(size, RATE);
  const service = await Service.start({ startEngine: engine.start, config: { sessions: 16 } });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return service;
};

test("a viewer that acknowledges nothing gets one window of frames and no more", async () => {
  const service = await serve();
  const healthy = await service.play();
  const stalled = await service.play({}, { acknowledge: false });

  await stalled.frames(RATE / 2);
  await healthy.frames(RATE * 2);

  expect(stalled.media.length).toBeLessThanOrEqual(RATE);
  const { viewer } = await stalled.event("stats.report", (e) => e.viewer.dropped_frames > 0);
  expect(viewer.in_flight_frames).toBe(stalled.media.length);
});

test("a viewer that caught up goes on with a key packet at a newer frame", async () => {
  const service = await serve();
  const viewer = await service.play({}, { acknowledge: false });
  await viewer.event("stats.report", (e) => e.viewer.dropped_frames > 0);
  const received = viewer.media.length;
  const last = viewer.media.at(-1)?.header;

  viewer.acknowledge = true;
  viewer.send({ type: "media.ack", sequence: last?.sequence ?? 0 });
  await viewer.frames(3);

  const next = viewer.media[received]?.header;
  expect(next?.key).toBe(true);
  expect(next?.sequence).toBe((last?.sequence ?? 0) + 1);
  expect(Number(next?.frame)).toBeGreaterThan(Number(last?.frame) + 1);
});

test("paused readers of large raw pictures hold at most two megabytes each, and disturb nobody", async () => {
  const service = await serve({ width: 256, height: 256 });
  const paused = await Promise.all(
    Array.from({ length: 6 }, () =>
      service.play({ media: { codecs: ["rgb"] } }, { acknowledge: false }),
    ),
  );
  for (const { socket } of paused) socket.pause();
  const healthy = await service.play();
  await healthy.frames(RATE);
  const before = await heldArrayBuffers();

  const already = healthy.media.length;
  await healthy.frames(RATE * 3);

  const growth = (await heldArrayBuffers()) - before;
  expect(growth).toBeLessThan(2_000_000 * paused.length);
  const frames = healthy.media.slice(already).map(({ header }) => Number(header.frame));
  expect(frames).toEqual(frames.map((_, i) => (frames[0] ?? 0) + i));
  for (const client of paused) client.cut();
});

test("a viewer that acknowledges nothing for half a minute is sent away, and may come back", async () => {
  const clock = new ManualClock();
  const engine = pictureEngine(SIZE, RATE);
  const service = await Service.start({ startEngine: engine.start, clock });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const silent = await service.play({ media: { codecs: ["rgb"] } }, { acknowledge: false });
  const { session, token } = await silent.event("session.created");

  for (let second = 0; second < 29; second++) await clock.advance(1_000);
  expect(silent.closeCode).toBeUndefined();
  for (let second = 0; second < 3; second++) await clock.advance(1_000);

  await silent.error("slow_consumer");
  expect((await silent.closed).code).toBe(4006);
  const back = await service.connect();
  back.send({ type: "session.resume", session, token });
  await back.event("session.resumed");
});
