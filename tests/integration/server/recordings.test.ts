import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { decode, probe } from "../../support/probe.ts";
import { type Client, Service, until } from "../../support/service.ts";

interface Recording {
  readonly id: string;
  readonly state: "recording" | "finished" | "failed";
  readonly reason: string | null;
  readonly frames: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly error: { readonly code: string } | null;
  readonly file: string;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "zoetrope-test-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function serve(config: Readonly<Record<string, unknown>> = {}) {
  const { start } = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: start, config });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return service;
}

async function play(service: Service, sound: "none" | "test" = "none") {
  const client = await service.play({ parameters: { sound } });
  await client.frames(2);
  const { session } = await client.event("session.created");
  return { client, session, path: `/v1/sessions/${session}` };
}

async function send(service: Service, method: string, path: string, body?: unknown) {
  const response = await service.fetch(path, {
    method,
    ...(body !== undefined && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  });
  const text = await response.text();
  return { response, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
}

const recordingOf = (answer: { readonly body: unknown }) => answer.body as Recording;

/** Record at least this many frames, and finish. */
async function record(service: Service, path: string, { format, frames, client }: Wish) {
  const made = recordingOf(await send(service, "POST", `${path}/recordings`, { format }));
  const own = `${path}/recordings/${made.id}`;
  for (;;) {
    if (recordingOf(await send(service, "GET", own)).frames >= frames) break;
    await client.frames(3);
  }
  return { own, done: recordingOf(await send(service, "DELETE", own)) };
}

interface Wish {
  readonly format: "mp4" | "webm";
  readonly frames: number;
  readonly client: Client;
}

async function download(service: Service, { file }: Recording): Promise<string> {
  const response = await service.fetch(file);
  const path = join(await folder(), "download");
  await writeFile(path, Buffer.from(await response.arrayBuffer()));
  return path;
}

test.each(["mp4", "webm"] as const)(
  "a session is recorded as %s, frame by frame, with its sound",
  async (format) => {
    const service = await serve();
    const { client, path } = await play(service, "test");

    const { done, own } = await record(service, path, { format, frames: 75, client });

    expect(done).toMatchObject({ state: "finished", reason: "stopped", error: null });
    expect(done.seconds).toBeCloseTo(done.frames / 30, 3);
    const file = await download(service, done);
    const { video, sound } = await probe(file);
    expect(video.packets).toBe(done.frames);
    expect(sound.codec).toBe("opus");
    expect(Math.abs(video.duration - sound.duration)).toBeLessThan(0.05);
    expect(await decode(file)).toEqual({ pictures: done.frames, complaints: "" });
    expect((await send(service, "DELETE", own)).response.status).toBe(204);
    expect((await send(service, "GET", own)).body).toMatchObject({
      error: { code: "unknown_recording" },
    });
  },
);

test("pausing and resetting leave neither gap nor cut in the file's time", async () => {
  const service = await serve();
  const { client, path } = await play(service);
  const made = recordingOf(await send(service, "POST", `${path}/recordings`, { format: "webm" }));
  await client.frames(20);
  client.send({ type: "generation.pause" });
  await client.event("generation.paused");
  await new Promise((resolve) => setTimeout(resolve, 300));
  client.send({ type: "generation.reset" });
  client.send({ type: "generation.resume" });
  await client.event("generation.resumed");
  await client.frames(20);

  const own = `${path}/recordings/${made.id}`;
  const done = recordingOf(await send(service, "DELETE", own));
  const { video } = await probe(await download(service, done));

  expect(video.packets).toBe(done.frames);
  expect(video.duration).toBeCloseTo(done.frames / 30, 1);
});

test("a recording outlives its session, and is served in parts", async () => {
  const kept = await folder();
  const service = await serve({ recordings: kept });
  const { client, path, session } = await play(service);
  const answer = await send(service, "POST", `${path}/recordings`, {});
  const made = recordingOf(answer);
  expect(answer.response.status).toBe(201);
  expect(answer.response.headers.get("location")).toBe(`${path}/recordings/${made.id}`);
  await client.frames(10);
  client.send({ type: "session.stop" });
  await client.closed;
  await until(() => !service.server.sessions.all.some(({ id }) => id === session), "the end");

  let done: Recording | undefined;
  do {
    const list = await send(service, "GET", `${path}/recordings`);
    [done] = list.body["recordings"] as Recording[];
  } while (done?.state === "recording");
  expect(done).toMatchObject({ id: made.id, state: "finished" });
  const whole = await service.fetch(made.file);
  expect(whole.headers.get("content-type")).toBe("video/mp4");
  const bytes = Buffer.from(await whole.arrayBuffer());
  expect(bytes.length).toBe(done?.bytes);
  for (const [range, part] of [
    ["bytes=10-19", bytes.subarray(10, 20)],
    ["bytes=-5", bytes.subarray(-5)],
    [`bytes=${bytes.length - 3}-`, bytes.subarray(-3)],
  ] as const) {
    const response = await service.fetch(made.file, { headers: { range } });
    expect(response.status).toBe(206);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(part);
  }
  const beyond = await service.fetch(made.file, { headers: { range: `bytes=${bytes.length}-` } });
  expect(beyond.status).toBe(416);
  await service.server.close();
  expect(await readdir(kept)).toEqual([`${made.id}.mp4`]);
});

test("a folder that is not there fails the recording, and the stream goes on", async () => {
  const service = await serve({ recordings: "/nowhere/at/all" });
  const { client, path } = await play(service);

  const { id } = recordingOf(await send(service, "POST", `${path}/recordings`, {}));
  await client.frames(5);

  const failed = recordingOf(await send(service, "GET", `${path}/recordings/${id}`));
  expect(failed).toMatchObject({ state: "failed", error: { code: "recording_failed" } });
  expect(JSON.stringify(failed)).not.toContain("nowhere");
  expect((await service.fetch(failed.file)).status).toBe(404);
});

test("recordings are bounded in number and size", async () => {
  const service = await serve({ recordingCount: 1, recordingSize: 1 });
  const { client, path } = await play(service);
  const asked = { format: "mp4", bitrate: 20_000_000 };
  const { id } = recordingOf(await send(service, "POST", `${path}/recordings`, asked));

  const second = await send(service, "POST", `${path}/recordings`, asked);
  expect(second.response.status).toBe(409);
  expect(second.body).toMatchObject({ error: { code: "recording_limit", detail: { limit: 1 } } });
  await client.frames(5);
  const own = `${path}/recordings/${id}`;
  await send(service, "DELETE", own);
  await send(service, "DELETE", own);
  expect((await send(service, "POST", `${path}/recordings`, asked)).response.status).toBe(201);
});

test.each([
  ["POST", "/v1/sessions/none/recordings", {}, 404],
  ["GET", "/v1/sessions/none/recordings", undefined, 404],
  ["GET", "/v1/recordings/..%2f..%2fetc%2fpasswd/file", undefined, 404],
  ["GET", "/v1/hls/none/index.m3u8", undefined, 404],
  ["POST", "/v1/sessions/none/clips", { seconds: 3 }, 404],
  ["DELETE", "/v1/sessions/none/hls", undefined, 404],
] as const)("%s %s is refused", async (method, path, body, status) => {
  const service = await serve();

  expect((await send(service, method, path, body)).response.status).toBe(status);
});

test("nonsense is refused by name", async () => {
  const service = await serve({ clips: 5 });
  const { path } = await play(service);
  for (const [where, body, field] of [
    ["recordings", { format: "gif" }, "format"],
    ["recordings", { bitrate: 1 }, "bitrate"],
    ["recordings", { path: "/etc" }, "path"],
    ["clips", { seconds: 31 }, "seconds"],
    ["clips", { seconds: 0 }, "seconds"],
    ["hls", { bitrate: "x" }, "bitrate"],
  ] as const) {
    const answer = await send(service, "POST", `${path}/${where}`, body);
    expect(answer.response.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain(field);
  }
});

test("a clip is what was just shown, made without waiting", async () => {
  const service = await serve({ clips: 4 });
  const { client, path } = await play(service, "test");
  await client.frames(75);

  const answer = await send(service, "POST", `${path}/clips`, { seconds: 1 });

  const clip = recordingOf(answer);
  expect(answer.response.status).toBe(201);
  expect(clip).toMatchObject({ kind: "clip", state: "finished", format: "mp4" });
  expect(clip.seconds).toBeGreaterThanOrEqual(1);
  expect(clip.seconds).toBeLessThan(4);
  const { video, sound } = await probe(await download(service, clip));
  expect(video.packets).toBe(clip.frames);
  expect(Math.abs(video.duration - sound.duration)).toBeLessThan(0.05);
  const other = await send(service, "POST", `${path}/clips`, { seconds: 1, format: "webm" });
  expect(other.body).toMatchObject({ error: { code: "unsupported_codec" } });
});

test("without the setting nothing is kept, and a clip is refused", async () => {
  const service = await serve();
  const { path } = await play(service);

  const answer = await send(service, "POST", `${path}/clips`, { seconds: 1 });

  expect(answer.response.status).toBe(409);
  expect(answer.body).toMatchObject({ error: { code: "state_conflict" } });
});
