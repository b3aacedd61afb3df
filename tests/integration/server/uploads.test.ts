import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { run } from "../../support/probe.ts";
import { Service, until } from "../../support/service.ts";

let picture: Buffer;
beforeAll(async () => {
  const path = join(tmpdir(), `zoetrope-test-${process.pid}.png`);
  await run("ffmpeg", [
    ...["-v", "error", "-y", "-f", "lavfi", "-i", "color=blue:size=40x30", "-frames:v", "1", path],
  ]);
  picture = await readFile(path);
  await rm(path);
});

async function serve(clock: Clock = systemClock): Promise<Service> {
  const { start } = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: start, clock });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return service;
}

async function upload(service: Service, body: Buffer, type = "application/octet-stream") {
  const headers = { "content-type": type };
  const response = await service.fetch("/v1/uploads", { method: "POST", headers, body });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
}

test.each(["image/png", "text/plain", "application/json"])(
  "an upload is what its bytes are, whatever %s says",
  async (type) => {
    const service = await serve();

    const { status, body } = await upload(service, picture, type);

    expect(status).toBe(201);
    const { id, ...rest } = body;
    expect(rest).toEqual({
      kind: "image",
      format: "png",
      width: 40,
      height: 30,
      seconds: null,
      sound: false,
    });
    const path = `/v1/uploads/${String(id)}`;
    expect(await (await service.fetch(path)).json()).toEqual(body);
    expect((await service.fetch(path, { method: "DELETE" })).status).toBe(204);
    expect((await service.fetch(path)).status).toBe(404);
  },
);

test("what cannot be decoded is refused with a code", async () => {
  const service = await serve();

  expect(await upload(service, Buffer.from("#EXTM3U\nfile:///etc/passwd"))).toMatchObject({
    status: 422,
    body: { error: { code: "bad_upload" } },
  });
  expect((await upload(service, picture.subarray(0, 60))).status).toBe(422);
  expect((await upload(service, Buffer.alloc(32 * 2 ** 20 + 1))).status).toBe(413);
});

test("uploads are bounded in number, and room comes back", async () => {
  const service = await serve();
  const ids: unknown[] = [];
  for (let i = 0; i < 8; i++) {
    const { status, body } = await upload(service, picture);
    expect({ status, error: body["error"] }).toEqual({ status: 201 });
    ids.push(body["id"]);
  }

  expect(await upload(service, picture)).toMatchObject({
    status: 409,
    body: { error: { code: "recording_limit", detail: { limit: 8 } } },
  });
  await service.fetch(`/v1/uploads/${String(ids[0])}`, { method: "DELETE" });
  expect((await upload(service, picture)).status).toBe(201);
});

test("an upload is forgotten when its time is over", async () => {
  const expiries: (() => void)[] = [];
  const service = await serve({
    now: () => systemClock.now(),
    sleep: (duration, signal) =>
      duration === 600_000
        ? new Promise((resolve) => expiries.push(resolve))
        : systemClock.sleep(duration, signal),
  });
  const { body } = await upload(service, picture);
  const path = `/v1/uploads/${String(body["id"])}`;
  expect((await service.fetch(path)).status).toBe(200);

  await until(() => expiries.length === 1, "the wait to begin");
  expiries[0]?.();

  expect((await service.fetch(path)).status).toBe(404);
});
