import { afterAll, beforeAll, expect, test } from "vitest";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { Service, until } from "../../support/service.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({ startEngine, config: { sessions: 64 } });
});

afterAll(() => service[Symbol.asyncDispose]());

test("a session is created, configured and streams in order from a key packet", async () => {
  const client = await service.play({ event_id: "begin" });
  await client.frames(5);

  expect(client.events.map(({ type }) => type).slice(0, 2)).toEqual([
    "session.created",
    "media.config",
  ]);
  const created = await client.event("session.created");
  expect(created).toMatchObject({ event_id: "begin", protocol: 1, state: "loading" });
  expect(created.model.id).toBe("tiny-separable");
  expect(created.token.length).toBeGreaterThanOrEqual(22);
  const config = await client.event("media.config");
  expect(config).toMatchObject({ codec: "avc1.42C01F", width: 64, height: 64, frame_rate: 30 });
  const headers = client.media.map(({ header }) => header);
  expect(headers[0]).toMatchObject({ key: true, sequence: 0, rendition: config.rendition });
  expect(headers.slice(1).every(({ key }) => !key)).toBe(true);
  expect(headers.map(({ sequence }) => sequence)).toEqual(headers.map((_, i) => i));
  expect(headers.map(({ frame }) => Number(frame))).toEqual(
    headers.map((_, i) => Number(headers[0]?.frame) + i),
  );
});

test("an input is accepted at once and applied with the frame that shows its epoch", async () => {
  const client = await service.play();
  await client.frames(1);

  client.send({ type: "control.input", event_id: "press", values: { left: 1 } });

  const accepted = await client.event("input.accepted");
  expect(accepted.event_id).toBe("press");
  const applied = await client.event("input.applied");
  expect(applied.event_ids).toEqual(["press"]);
  expect(applied.epoch).toBe(accepted.epoch);
  await until(
    () => client.media.some(({ header }) => header.epoch >= accepted.epoch),
    "a frame that shows the input",
  );
  const shown = client.media.find(({ header }) => header.epoch >= accepted.epoch);
  expect(Number(shown?.header.frame)).toBe(applied.frame);
});

test("refused inputs are answered with the reason and change nothing", async () => {
  const client = await service.play();

  client.send({ type: "control.input", event_id: "a", values: { fly: 1 } });
  client.send({ type: "control.input", event_id: "b", values: { left: 0.5 } });
  client.send({ type: "params.update", event_id: "c", parameters: { steps: 9 } });
  client.send({ type: "generation.reset", event_id: "d", start: "nowhere" });
  client.send({ type: "generation.step", event_id: "e" });
  client.send({ type: "session.ping", event_id: "f" });
  await client.event("session.pong", ({ event_id }) => event_id === "f");

  const refusals = client.events.filter((event) => event.type === "input.rejected");
  expect(refusals.map(({ event_id, error }) => [event_id, error.code])).toEqual([
    ["a", "unknown_control"],
    ["b", "bad_control"],
    ["c", "bad_parameter"],
    ["d", "unknown_start"],
    ["e", "state_conflict"],
  ]);
});

test("generation pauses, steps one block, resumes and resets", async () => {
  const client = await service.play();
  await client.frames(2);

  client.send({ type: "generation.pause", event_id: "p" });
  await client.event("generation.paused", ({ event_id }) => event_id === "p");
  await client.event("session.updated", ({ state }) => state === "paused");
  client.send({ type: "generation.step", event_id: "s" });
  await client.event("input.accepted", ({ event_id }) => event_id === "s");
  client.send({ type: "generation.resume", event_id: "r" });
  await client.event("generation.resumed", ({ event_id }) => event_id === "r");
  client.send({ type: "generation.reset", event_id: "x", seed: 11 });
  const updated = await client.event("session.updated", ({ event_id }) => event_id === "x");
  const accepted = await client.event("input.accepted", ({ event_id }) => event_id === "x");
  const reset = await client.event("generation.reset");
  const applied = await client.event("input.applied", ({ event_ids }) => event_ids.includes("x"));

  expect(updated.parameters.seed).toBe(11);
  expect(applied).toMatchObject({ epoch: accepted.epoch, block: reset.block, pts: reset.pts });
});

test("parameters change and every answer echoes the message's id", async () => {
  const client = await service.play();

  client.send({ type: "params.update", event_id: "u", parameters: { steps: 1, window_frames: 4 } });

  const updated = await client.event("session.updated", ({ event_id }) => event_id === "u");
  expect(updated.parameters).toMatchObject({ steps: 1, window_frames: 4 });
  await client.event("input.accepted", ({ event_id }) => event_id === "u");
});

test("statistics come each second and when they are asked for", async () => {
  const client = await service.play();
  await client.frames(3);

  client.send({ type: "stats.get", event_id: "now" });

  const asked = await client.event("stats.report", ({ event_id }) => event_id === "now");
  expect(asked.viewer.sent_bytes).toBeGreaterThan(0);
  const own = await client.event("stats.report", ({ event_id }) => event_id === undefined);
  expect(own.fps).toBeGreaterThan(0);
  expect(own.viewer.bitrate).toBeGreaterThan(0);
});

test("codecs: the client's first choice that can be had is taken", async () => {
  const vp8 = await service.play({ media: { codecs: ["vp8", "h264"] } });
  const raw = await service.play({ media: { codecs: ["rgb"] } });
  await vp8.frames(2);
  await raw.frames(2);

  expect((await vp8.event("media.config")).codec).toBe("vp8");
  expect(vp8.media[0]?.header.codec).toBe("vp8");
  expect(raw.media[0]?.payload.byteLength).toBe(32 * 32 * 3);
});

test("a key packet comes when it is asked for", async () => {
  const client = await service.play();
  await client.frames(3);

  client.send({ type: "media.request_keyframe" });

  await until(() => client.media.slice(3).some(({ header }) => header.key), "a key packet");
});
