/** Pictures with odd sides, which H.264 and VP8 have no colour samples for. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { loadPackage } from "../../../src/models/package.ts";
import type { LoadPackage } from "../../../src/server/models.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { decode, probe } from "../../support/probe.ts";
import { Service, until } from "../../support/service.ts";
import { WishClient } from "../../support/wish-client.ts";

const ODD = { width: 321, height: 241 };
const EVEN = { width: 322, height: 242 };
const JSON_TYPE = { "content-type": "application/json" };

/** Packages whose pictures are said to have odd sides. */
const load: LoadPackage = async (path) => {
  const loaded = await loadPackage(path);
  const { lanes } = loaded.manifest;
  const video = { ...lanes.video, ...ODD };
  return { ...loaded, manifest: { ...loaded.manifest, lanes: { ...lanes, video } } };
};

let service: Service;

beforeAll(async () => {
  const { start } = pictureEngine(ODD, 30);
  service = await Service.start({ startEngine: start, load, config: { sessions: 8 } });
});

afterAll(() => service[Symbol.asyncDispose]());

async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await service.fetch(path, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}

test.each(["h264", "vp8"] as const)("are played over WebRTC in %s", async (codec) => {
  const { id, token } = await post<{ id: string; token: string }>("/v1/sessions", {
    model: "tiny-separable",
  });
  await using client = new WishClient({ codec });

  await client.call(new URL(`/v1/sessions/${id}/whep`, service.address), token);

  await until(() => client.came.video > 30, "pictures");
  await until(() => client.events.some((event) => event.includes("media.config")), "the size");
  const config = client.events.find((event) => event.includes("media.config")) ?? "{}";
  expect(JSON.parse(config)).toMatchObject(EVEN);
});

test.each(["h264", "vp8"] as const)("are played over the WebSocket in %s", async (codec) => {
  const client = await service.play({ media: { codecs: [codec] } });

  await client.frames(3);

  expect(await client.event("media.config")).toMatchObject(EVEN);
});

test.each(["mp4", "webm"] as const)("are recorded as %s", async (format) => {
  const folder = await mkdtemp(join(tmpdir(), "zoetrope-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const client = await service.play({ parameters: { sound: "test" } });
  const { session } = await client.event("session.created");
  const { id } = await post<{ id: string }>(`/v1/sessions/${session}/recordings`, { format });
  await client.frames(30);

  const done = await service.fetch(`/v1/sessions/${session}/recordings/${id}`, {
    method: "DELETE",
  });

  const { file, frames } = (await done.json()) as { file: string; frames: number };
  const path = join(folder, "recording");
  await writeFile(path, Buffer.from(await (await service.fetch(file)).arrayBuffer()));
  expect((await probe(path)).video).toMatchObject({ packets: frames, ...EVEN });
  expect(await decode(path)).toEqual({ pictures: frames, complaints: "" });
});
