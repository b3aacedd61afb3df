import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { type Client, Service, until } from "../../support/service.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({
    startEngine,
    config: { sessions: 64, preload: ["tiny-speech"] },
  });
});

afterAll(() => service[Symbol.asyncDispose]());

/** The tiny package takes what is red for a face. */
function plain(red: number, size = { width: 64, height: 48 }): Buffer {
  const picture = new PNG(size);
  for (let i = 0; i < picture.data.length; i += 4) picture.data.set([red, 40, 90, 255], i);
  return PNG.sync.write(picture);
}

/** A PNG whose header alone says that it has a gigabyte of pixels. */
function bomb(): Buffer {
  const file = plain(200, { width: 16, height: 16 });
  file.writeUInt32BE(20_000, 16);
  file.writeUInt32BE(20_000, 20);
  return file;
}

const post = (body: Uint8Array): Promise<Response> =>
  service.fetch("/v1/uploads", {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(body),
  });

async function upload(body: Uint8Array): Promise<string> {
  const answer = await post(body);
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  return id;
}

const remove = (id: string): Promise<Response> =>
  service.fetch(`/v1/uploads/${id}`, { method: "DELETE" });

const play = (): Promise<Client> =>
  service.play({ model: "tiny-speech", media: { codecs: ["rgb"] } });

describe("a picture that somebody brings", () => {
  test("is what the stream begins again from, until it is cleared", async () => {
    const client = await play();
    const id = await upload(plain(230));
    await client.frames(4);
    client.send({ type: "image.set", event_id: "face", upload: id });

    const accepted = await client.event("input.accepted", ({ event_id }) => event_id === "face");
    const applied = await client.event("input.applied", ({ event_ids }) =>
      event_ids.includes("face"),
    );
    const reset = await client.event("generation.reset");
    expect([applied.epoch, applied.block]).toEqual([accepted.epoch, reset.block]);
    expect(reset.block).toBeGreaterThan(0);

    client.send({ type: "image.clear", event_id: "none" });
    await client.event("generation.reset", ({ block }) => block > reset.block);
    await remove(id);
    client.cut();
  });

  test.each([
    ["without a face", () => upload(plain(10)), "no_face"],
    ["that nobody uploaded", () => Promise.resolve("nothing"), "unknown_recording"],
    ["that is a sound", () => upload(wav()), "bad_upload"],
  ])("%s is refused, and the stream goes on", async (_title, bring, code) => {
    const client = await play();
    const id = await bring();
    client.send({ type: "image.set", event_id: "face", upload: id });

    const { error } = await client.event("input.rejected", ({ event_id }) => event_id === "face");
    expect(error.code).toBe(code);
    await client.frames(6);
    expect(client.events.some(({ type }) => type === "generation.reset")).toBe(false);
    await remove(id);
    client.cut();
  });

  test("may be brought by a controller only", async () => {
    const client = await play();
    const { session, viewer_token: token } = await client.event("session.created");
    const viewer = await service.connect();
    viewer.send({ type: "session.resume", session, token });
    await viewer.event("session.resumed");
    viewer.send({ type: "image.set", upload: "x" });
    const { error } = await viewer.event("input.rejected");
    expect(error.code).toBe("unauthorized");
    client.cut();
  });
});

describe("a file that is no picture to begin from", () => {
  test.each([
    ["a small PNG of a gigabyte of pixels", bomb()],
    ["half of a JPEG", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1])],
    ["half of a PNG", plain(200).subarray(0, 60)],
  ])("%s is refused when it is uploaded, and the stream goes on", async (_title, body) => {
    const client = await play();
    const answer = await post(body);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: { code: "bad_upload" } });
    const before = client.media.length;
    await until(() => client.media.length > before + 4, "more pictures");
    client.cut();
  });
});

/** A tenth of a second of silence. */
function wav(): Buffer {
  const samples = Buffer.alloc(3_200);
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}
