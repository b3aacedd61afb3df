import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { claimingPng, inflatingPng, pictureFile, plainPng } from "../../support/image-files.ts";
import { type Client, Service } from "../../support/service.ts";
import { expectAlive } from "../../support/speech.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({
    startEngine,
    config: { sessions: 64, preload: ["tiny-speech"] },
  });
});

afterAll(() => service[Symbol.asyncDispose]());

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
    const id = await upload(plainPng(230));
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
    ["without a face", () => upload(plainPng(10)), "no_face"],
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

const half = (file: Buffer): Buffer => file.subarray(0, file.length / 2);
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';

describe("a file that is no picture to begin from", () => {
  test.each([
    ["a small PNG of a gigabyte of pixels", claimingPng],
    ["half of a JPEG's header", () => Buffer.from("ffd8ffe000104a46494600010000", "hex")],
    ["half of a PNG's header", () => plainPng(200).subarray(0, 20)],
    ["half of a JPEG", async () => half(await pictureFile("mjpeg"))],
    ["half of a WebP", async () => half(await pictureFile("webp"))],
    ["half of a PNG", () => half(plainPng(200, { width: 400, height: 400 }))],
    ["a GIF", () => pictureFile("gif")],
    ["an SVG", () => Buffer.from(SVG)],
    ["a text", () => Buffer.from("a face, please")],
    ["nothing", () => Buffer.alloc(0)],
  ])("%s is refused when it is uploaded, and the stream goes on", async (_title, file) => {
    const client = await play();
    const answer = await post(await file());
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: { code: "bad_upload" } });
    await expectAlive(client);
    client.cut();
  });

  test("a PNG that inflates to far more than its picture is read as the picture it is", async () => {
    const client = await play();
    const answer = await post(inflatingPng());
    expect(answer.status).toBe(201);
    const said = (await answer.json()) as { id: string; width: number; height: number };
    expect(said).toMatchObject({ width: 64, height: 48 });
    client.send({ type: "image.set", upload: said.id });
    // All of it is black.
    const { error } = await client.event("input.rejected");
    expect(error.code).toBe("no_face");
    await remove(said.id);
    await expectAlive(client);
    client.cut();
  });

  test("a WebP and a JPEG are pictures", async () => {
    const client = await play();
    for (const format of ["webp", "mjpeg"] as const) {
      const id = await upload(await pictureFile(format));
      client.send({ type: "image.set", event_id: format, upload: id });
      await client.event("input.applied", ({ event_ids }) => event_ids.includes(format));
      await remove(id);
    }
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
