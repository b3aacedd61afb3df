import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { as, type Bytes, frameTime } from "../../../src/core/units.ts";
import { openEncoder, openSoundEncoder } from "../../../src/media/codecs/open.ts";
import { Recorder, type RecordingTarget, recordingAt } from "../../../src/media/files/recorder.ts";
import { RECORDING_CODECS, type RecordingFormat } from "../../../src/media/files/recording-file.ts";
import type { TimedPicture } from "../../../src/media/moments.ts";
import { SoundTrack } from "../../../src/stream/engine/sound-track.ts";
import { gradient } from "../../support/pictures.ts";
import { decode, probe, run } from "../../support/probe.ts";

const VIDEO = { width: 64, height: 48, frameRate: 30 };
const FORMATS = ["mp4", "webm"] as const satisfies readonly RecordingFormat[];
const MANY: Bytes = as(2 ** 30);

const streams = {} as Record<RecordingFormat, readonly TimedPicture[]>;

beforeAll(async () => {
  for (const format of FORMATS) streams[format] = await stream(format, 195);
});

/** Frames from the 40th on, a key packet every two seconds, sound in the second second of three. */
async function stream(format: RecordingFormat, frames: number): Promise<TimedPicture[]> {
  const codec = RECORDING_CODECS[format];
  const encoder = await openEncoder({ codec, ...VIDEO, bitrate: as(500_000) });
  const track = new SoundTrack(VIDEO.frameRate, openSoundEncoder);
  const pictures: TimedPicture[] = [];
  for (let i = 40; i < 40 + frames; i++) {
    const pts = frameTime(i, VIDEO.frameRate);
    const packet = await encoder.encode(gradient(VIDEO, i), pts, { key: i % 60 === 45 });
    const source = Math.floor(i / 30) % 3 === 1 ? "test" : "none";
    const sound = await track.encode({ firstFrame: i, frames: 1 }, source);
    const duration = as<typeof pts>(frameTime(i + 1, VIDEO.frameRate) - pts);
    pictures.push({ pts, duration, packet, sound });
  }
  encoder.close();
  track.close();
  return pictures;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "zoetrope-test-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const record = (format: RecordingFormat, open: () => Promise<RecordingTarget>, mostBytes = MANY) =>
  new Recorder({ format, ...VIDEO, open, mostBytes });

test.each(FORMATS)(
  "%s has every frame from the first key packet on, and as much sound",
  async (format) => {
    const path = join(await folder(), `a.${format}`);
    const recorder = record(format, recordingAt(path));
    for (const picture of streams[format]) recorder.take(picture);
    recorder.stop();

    expect(await recorder.ended).toEqual({ reason: "stopped" });
    const { video, sound } = await probe(path);
    // The first picture of the encoder is a key packet whether asked for or not.
    expect(video).toMatchObject({ packets: 195, width: 128, height: 96 });
    expect([video.codec, sound.codec]).toEqual([RECORDING_CODECS[format], "opus"]);
    expect(Math.abs(video.duration - sound.duration)).toBeLessThan(0.05);
    expect(await decode(path)).toEqual({ pictures: 195, complaints: "" });
    expect(recorder.recorded).toEqual({
      frames: 195,
      duration: 6_500_000,
      bytes: (await readFile(path)).length,
    });
  },
);

test.each(FORMATS)(
  "%s is a playable file at any moment, also when its writer is killed",
  async (format) => {
    const path = join(await folder(), `a.${format}`);
    const script = fileURLToPath(new URL("write-recording.ts", import.meta.url));
    const writer = spawn(process.execPath, [script, format, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await framesOf(writer, 200);
    const died = once(writer, "exit");
    writer.kill("SIGKILL");

    expect(await died).toEqual([null, "SIGKILL"]);
    const { pictures } = await decode(path);
    expect(pictures).toBeGreaterThanOrEqual(120);
    expect(pictures % 60).toBe(0);
    expect((await probe(path)).video.packets).toBe(pictures);
  },
);

async function framesOf({ stdout }: ChildProcess, count: number): Promise<void> {
  if (stdout === null) throw new Error("no output");
  for await (const line of createInterface(stdout)) if (Number(line) >= count) return;
}

test("a recording is finished in order when it is as large as it may be", async () => {
  const path = join(await folder(), "a.mp4");
  const recorder = record("mp4", recordingAt(path), as(40_000));
  for (const picture of streams.mp4) recorder.take(picture);

  expect(await recorder.ended).toEqual({ reason: "size" });
  const { frames, bytes } = recorder.recorded;
  expect(frames).toBeLessThan(195);
  expect(bytes).toBeLessThan(44_000);
  expect(await decode(path)).toEqual({ pictures: frames, complaints: "" });
});

test("a folder that is not there ends the recording with its reason", async () => {
  const recorder = record("mp4", recordingAt(join(await folder(), "nowhere", "a.mp4")));
  recorder.take(streams.mp4[5] as TimedPicture);

  const { reason, error } = await recorder.ended;
  expect(reason).toBe("failed");
  expect(error).toMatchObject({ code: "recording_failed", detail: { errno: "ENOENT" } });
  expect(error?.message).not.toContain(tmpdir());
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot && process.platform === "linux")(
  "a full disk ends the recording, and what is there can be played",
  async () => {
    const mount = await folder();
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mount]);
    } catch {
      return;
    }
    onTestFinished(async () => {
      await run("umount", [mount]);
    });
    const path = join(mount, "a.mp4");
    const recorder = record("mp4", recordingAt(path));
    for (let round = 0; round < 3; round++) {
      for (const picture of streams.mp4) recorder.take(later(picture, round * 195));
    }
    recorder.stop();

    const { reason, error } = await recorder.ended;
    expect(reason).toBe("failed");
    expect(error).toMatchObject({ code: "recording_failed", detail: { errno: "ENOSPC" } });
    expect((await decode(path)).pictures).toBeGreaterThan(0);
  },
);

const later = (picture: TimedPicture, frames: number): TimedPicture => ({
  ...picture,
  pts: as(picture.pts + frameTime(frames, VIDEO.frameRate)),
  sound: [],
});

test("a disk that fails midway, or is slower than the stream, ends the recording and nothing else", async () => {
  const failing: RecordingTarget = {
    size: as(0),
    write: () => Promise.reject(Object.assign(new Error("no"), { code: "ENOSPC" })),
    close: () => Promise.reject(new Error("gone")),
  };
  const hanging: RecordingTarget = {
    size: as(0),
    write: () => new Promise(() => undefined),
    close: () => Promise.resolve(),
  };
  for (const [target, why] of [
    [failing, "no space left"],
    [hanging, "slower than the stream"],
  ] as const) {
    const recorder = record("webm", () => Promise.resolve(target));
    const large = new Uint8Array(100_000);
    for (let i = 0; i < 400; i++) {
      recorder.take({
        pts: frameTime(i, 30),
        duration: as(33_333),
        packet: { data: large, key: i % 10 === 0 },
        sound: [],
      });
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { reason, error } = await recorder.ended;
    expect(reason).toBe("failed");
    expect(error?.message).toContain(why);
    recorder.stop();
  }
});
