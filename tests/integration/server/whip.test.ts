import { afterAll, beforeAll, expect, test } from "vitest";
import { as, type Micros } from "../../../src/core/units.ts";
import { openEncoder, openSoundEncoder } from "../../../src/media/codecs/open.ts";
import { testSignal } from "../../../src/media/sound/test-signal.ts";
import { PACKET_SAMPLES } from "../../../src/media/sound-encoder.ts";
import type { IngressFigures } from "../../../src/server/ingress/publisher.ts";
import { offerOf } from "../../support/offers.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";
import { WishClient } from "../../support/wish-client.ts";

const engine = pictureEngine({ width: 32, height: 32 }, 30);
let service: Service;
let session: { id: string; token: string; viewer_token: string };
let whip: string;

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start });
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable" }),
  });
  session = (await created.json()) as typeof session;
  whip = `/v1/sessions/${session.id}/whip`;
});

afterAll(() => service[Symbol.asyncDispose]());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const figures = async (): Promise<IngressFigures | null> => {
  const answer = await service.fetch(whip, { headers: bearer(session.viewer_token) });
  return ((await answer.json()) as { publisher: IngressFigures | null }).publisher;
};

const offer = (token: string, body = offerOf({ direction: "sendonly" })) =>
  service.fetch(whip, {
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/sdp" },
    body,
  });

/** A publisher that is connected and sends a red picture and the test signal, until it is disposed. */
async function publisher() {
  const client = new WishClient({ codec: "vp8", direction: "sendonly", channels: false });
  const answer = await client.call(new URL(whip, service.address), session.token);
  expect(answer.status).toBe(201);
  await until(() => client.isConnected, "the publisher to be connected");
  const sending = await send(client);
  const lanes = service.server.ingress.lanes(session.id);
  if (lanes === undefined) throw new Error("nobody publishes");
  return {
    client,
    lanes,
    [Symbol.asyncDispose]: async () => {
      await sending();
      await service.fetch(client.location, { method: "DELETE", headers: bearer(session.token) });
      await client[Symbol.asyncDispose]();
    },
  };
}

/** Send pictures and sound; the result ends it. */
async function send(client: WishClient): Promise<() => Promise<void>> {
  const size = { width: 320, height: 240 };
  const red = new Uint8Array(size.width * size.height * 3).map((_, i) => (i % 3 === 0 ? 255 : 0));
  const video = await openEncoder({ codec: "vp8", ...size, frameRate: 30, bitrate: as(500_000) });
  const sound = await openSoundEncoder();
  let isOver = false;
  const run = async () => {
    for (let i = 0; !isOver; i++) {
      const pts = as<Micros>(i * 40_000);
      const { data } = await video.encode(red, pts, { key: i % 30 === 0 });
      await client.sendVideo(data, i * 3_600);
      for (const first of [2 * i * PACKET_SAMPLES, (2 * i + 1) * PACKET_SAMPLES]) {
        await client.sendAudio(sound.encode(testSignal(first, PACKET_SAMPLES, 30)), first);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    video.close();
    sound.close();
  };
  const ended = run();
  return () => {
    isOver = true;
    return ended;
  };
}

const isRed = (rgb: Uint8Array): boolean =>
  [...rgb.subarray(0, 3)].every((value, i) => (i === 0 ? value > 200 : value < 60));

test("a camera and a microphone come in, decoded", async () => {
  await using it = await publisher();
  const { lanes } = it;

  await until(() => (lanes.latestFrame()?.number ?? 0) > 10, "pictures");
  await until(() => lanes.pcm(0, 48_000).samples.length > 48_000, "a second of sound");

  const frame = lanes.latestFrame();
  expect(frame).toMatchObject({ width: 32, height: 32 });
  expect(isRed(frame?.rgb ?? new Uint8Array())).toBe(true);
  expect(Math.max(...lanes.pcm(24_000, 48_000).samples)).toBeGreaterThan(0.03);
  const thin = lanes.pcm(8_000, 16_000);
  expect(thin.first).toBe(8_000);
  expect(Math.max(...thin.samples)).toBeGreaterThan(0.03);
});

test("who publishes can see that it works", async () => {
  await using it = await publisher();
  await until(() => (it.lanes.latestFrame()?.number ?? 0) > 30, "pictures");

  const said = await figures();

  expect(said).toMatchObject({
    connected: true,
    video: { codec: "vp8", width: 320, height: 240 },
    sound: { codec: "opus" },
  });
  expect(said?.video?.fps).toBeGreaterThan(5);
  expect(said?.sound?.level_dbfs).toBeGreaterThan(-40);
});

test("only who steers may publish, and only one at a time", async () => {
  expect((await offer(session.viewer_token)).status).toBe(403);
  expect((await offer("x".repeat(43))).status).toBe(401);
  const first = await offer(session.token);
  expect(first.status).toBe(201);
  const path = first.headers.get("location") ?? "";

  const second = await offer(session.token);

  expect(second.status).toBe(409);
  expect(second.headers.get("retry-after")).not.toBe(null);
  for (const [token, status] of [
    [session.viewer_token, 403],
    [session.token, 200],
    [session.token, 404],
  ] as const) {
    const answer = await service.fetch(path, { method: "DELETE", headers: bearer(token) });
    expect(answer.status).toBe(status);
  }
  expect(await figures()).toBe(null);
});

test("an offer that only wants to receive is no publisher's", async () => {
  expect((await offer(session.token, offerOf())).status).toBe(400);
});

test("packets that are no pictures harm nobody, and a key picture is asked for", async () => {
  await using it = await publisher();
  const { client, lanes } = it;
  await until(() => lanes.latestFrame() !== undefined, "a picture");
  const before = client.plis;

  for (let i = 0; i < 50; i++) {
    const nonsense = Uint8Array.from({ length: 200 }, (_, at) => (at * 31 + i * 7) & 0xff);
    // The header of a key picture of 16 383 by 16 383.
    const header = [0x10, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f];
    await client.sendVideo(Uint8Array.of(...header, ...nonsense), i * 3_000);
    await client.sendAudio(nonsense, i * 960);
  }
  await until(() => client.plis > before, "a key picture to be asked for");

  expect((await figures())?.video?.dropped).toBeGreaterThan(0);
  const reached = lanes.latestFrame()?.number ?? 0;
  await until(() => (lanes.latestFrame()?.number ?? 0) > reached + 5, "pictures to go on");
});

test("a publisher ends with its session", async () => {
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable" }),
  });
  const other = (await created.json()) as typeof session;
  await using client = new WishClient({ codec: "vp8", direction: "sendonly", channels: false });
  await client.call(new URL(`/v1/sessions/${other.id}/whip`, service.address), other.token);
  expect(service.server.ingress.lanes(other.id)).toBeDefined();

  await service.fetch(`/v1/sessions/${other.id}`, { method: "DELETE" });

  await until(
    () => service.server.ingress.lanes(other.id) === undefined,
    "the publisher to be gone",
  );
});
