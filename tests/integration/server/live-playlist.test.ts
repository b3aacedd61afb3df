import { readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { as } from "../../../src/core/units.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { run } from "../../support/probe.ts";
import { Service, until } from "../../support/service.ts";

const HASTE = 4;
/** A clock that runs faster than the world's. */
const hasty: Clock = {
  now: () => as(systemClock.now() * HASTE),
  sleep: (duration, signal) => systemClock.sleep(as(duration / HASTE), signal),
};

async function live() {
  const { start } = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: start, clock: hasty });
  onTestFinished(() => service[Symbol.asyncDispose]());
  const client = await service.play({ parameters: { sound: "test" } });
  await client.frames(2);
  const { session } = await client.event("session.created");
  const path = `/v1/sessions/${session}/hls`;
  const started = await service.fetch(path, { method: "POST" });
  const { playlist } = (await started.json()) as { playlist: string };
  return { service, client, path, started, playlist };
}

/** The playlist's text, once it `holds`. */
async function loaded(
  service: Service,
  playlist: string,
  holds: (text: string) => boolean,
): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await service.fetch(playlist);
    const text = await response.text();
    if (response.ok && holds(text)) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("gave up waiting for the playlist");
}

/** Processes of ffmpeg that write this playlist. */
const writers = (playlist: string): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const line = commandLine(pid);
      return line.startsWith("ffmpeg") || line.includes("/ffmpeg\0")
        ? line.includes(playlist.split("/")[3] ?? "?")
        : false;
    })
    .map(Number);

/** Empty for a process that is gone. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

const fileOf = (playlist: string, name: string) => playlist.replace("index.m3u8", name);

test("a live playlist is played from the running server, and ends when it is told to", async () => {
  const { service, path, started, playlist } = await live();
  expect(started.status).toBe(201);
  expect(started.headers.get("location")).toBe(playlist);
  const early = await service.fetch(playlist);
  expect([503, 200]).toContain(early.status);

  const text = await loaded(service, playlist, (each) => each.includes("segment-1.m4s"));

  expect(text).toContain("#EXT-X-MAP");
  expect(text).not.toContain("#EXT-X-ENDLIST");
  const segment = await service.fetch(fileOf(playlist, "segment-0.m4s"));
  expect(segment.headers.get("content-type")).toBe("video/iso.segment");
  expect((await service.fetch(fileOf(playlist, "..%2findex.m3u8"))).status).toBe(404);
  const url = new URL(playlist, service.address).href;
  const { stdout, stderr } = await run("ffmpeg", [
    ...["-v", "error", "-live_start_index", "0", "-i", url, "-t", "3"],
    ...["-f", "null", "-progress", "pipe:1", "-"],
  ]);
  expect(stderr).toBe("");
  const frames = [...stdout.matchAll(/^frame=(\d+)$/gm)].at(-1)?.[1];
  expect(Number(frames)).toBe(90);

  expect(writers(playlist)).toHaveLength(1);
  expect((await service.fetch(path, { method: "POST" })).status).toBe(409);
  expect((await service.fetch(path, { method: "DELETE" })).status).toBe(204);
  expect(writers(playlist)).toEqual([]);
  expect((await service.fetch(playlist)).status).toBe(404);
});

test("a live playlist holds the newest six segments, and the others are removed", async () => {
  const { service, playlist } = await live();

  const text = await loaded(service, playlist, (each) => each.includes("segment-8.m4s"));

  const names = [...text.matchAll(/^segment-\d+\.m4s$/gm)];
  expect(names).toHaveLength(6);
  expect((await service.fetch(fileOf(playlist, "segment-0.m4s"))).status).toBe(404);
  const lengths = [...text.matchAll(/#EXTINF:([\d.]+)/g)].map(([, seconds]) => Number(seconds));
  for (const seconds of lengths) {
    expect(seconds).toBeGreaterThanOrEqual(2);
    expect(seconds).toBeLessThan(3.5);
  }
});

test("a playlist is gone with its session, and its process too", async () => {
  const { service, client, playlist } = await live();
  await loaded(service, playlist, () => true);

  client.send({ type: "session.stop" });
  await client.closed;

  await until(() => writers(playlist).length === 0, "ffmpeg to go");
  await expect.poll(async () => (await service.fetch(playlist)).status).toBe(404);
});

test("when ffmpeg dies the playlist is over, and the session goes on", async () => {
  const { service, client, path, playlist } = await live();
  await loaded(service, playlist, () => true);

  for (const pid of writers(playlist)) process.kill(pid, "SIGKILL");
  await client.frames(30);

  expect((await service.fetch(path)).status).toBe(404);
  expect((await service.fetch(path, { method: "POST" })).status).toBe(201);
});
