import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { as } from "../../../src/core/units.ts";
import { Upload } from "../../../src/media/files/upload/upload.ts";
import type { UploadLimits } from "../../../src/media/files/upload/upload-file.ts";
import { run } from "../../support/probe.ts";

const LIMITS: UploadLimits = {
  bytes: as(8 * 2 ** 20),
  pixels: 4096 * 4096,
  seconds: 20,
  time: as(10_000),
  decodedBytes: as(64 * 2 ** 20),
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zoetrope-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A file that ffmpeg makes: red pictures of 96×64 and a tone of 440 Hz, two seconds. */
async function made(name: string, ...options: readonly string[]): Promise<Buffer> {
  const path = join(folder, name);
  const picture = ["-f", "lavfi", "-i", "color=red:size=96x64:rate=25:duration=2"];
  const tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"];
  await run("ffmpeg", ["-v", "error", "-y", ...picture, ...tone, ...options, path]);
  return readFileSync(path);
}

const SOUND = ["-map", "1:a"];
const PICTURE = ["-map", "0:v", "-frames:v", "1"];
const BOTH = ["-map", "0:v", "-map", "1:a"];

const open = (data: Uint8Array, limits: Partial<UploadLimits> = {}, clock: Clock = systemClock) =>
  Upload.open(data, { limits: { ...LIMITS, ...limits }, clock, parent: folder });

const refused = async (data: Uint8Array, limits: Partial<UploadLimits> = {}): Promise<unknown> =>
  open(data, limits).then(
    async (upload) => {
      await upload[Symbol.asyncDispose]();
      return undefined;
    },
    (error: unknown) => error,
  );

const leftovers = () => readdirSync(folder).filter((name) => name.startsWith("upload-"));

test.each([
  ["a.png", PICTURE, { kind: "image", format: "png" }],
  ["a.jpg", PICTURE, { kind: "image", format: "jpeg" }],
  ["a.webp", PICTURE, { kind: "image", format: "webp" }],
  ["a.mp4", [...BOTH, "-c:v", "libx264", "-c:a", "aac"], { kind: "video", format: "mp4" }],
  ["a.webm", [...BOTH, "-c:v", "libvpx", "-c:a", "libopus"], { kind: "video", format: "webm" }],
] as const)("%s becomes pictures of the size that is wanted", async (name, options, expected) => {
  await using upload = await open(await made(name, ...options));

  const isVideo = expected.kind === "video";
  expect(upload.description).toMatchObject({ ...expected, width: 96, height: 64 });
  expect(upload.description.hasSound).toBe(isVideo);
  const pictures = await upload.pictures({ width: 32, height: 32, frameRate: 10 });
  expect(pictures).toHaveLength(isVideo ? 20 : 1);
  const [red = 0, green = 255, blue = 255] = pictures[0] ?? [];
  expect(pictures[0]).toHaveLength(32 * 32 * 3);
  expect(red).toBeGreaterThan(240);
  expect(Math.max(green, blue)).toBeLessThan(15);
});

test.each([
  ["a.wav", [...SOUND, "-ac", "2"]],
  ["a.mp3", [...SOUND, "-c:a", "libmp3lame"]],
  ["a.ogg", [...SOUND, "-c:a", "libopus"]],
  ["a.m4a", [...SOUND, "-c:a", "aac"]],
  ["b.mp4", [...BOTH, "-c:v", "libx264", "-c:a", "aac"]],
] as const)("%s becomes sound at the rate that is wanted", async (name, options) => {
  await using upload = await open(await made(name, ...options));

  const { kind, seconds } = upload.description;
  expect(kind).toBe(name === "b.mp4" ? "video" : "sound");
  expect(seconds).toBeCloseTo(2, 0);
  const sound = await upload.sound(16_000);
  expect(Math.abs(sound.length - 32_000)).toBeLessThan(1600);
  const middle = sound.subarray(8_000, 24_000);
  const rises = middle.filter((value, i) => value >= 0 && (middle[i - 1] ?? 0) < 0).length;
  expect(Math.abs(rises - 440)).toBeLessThanOrEqual(2);
});

test("an upload leaves nothing behind", async () => {
  const before = leftovers();
  const upload = await open(await made("a.png", ...PICTURE));
  expect(leftovers()).toHaveLength(before.length + 1);
  await upload[Symbol.asyncDispose]();
  await refused(Buffer.from("\x89PNG\r\n\x1a\n broken", "latin1"));

  expect(leftovers()).toEqual(before);
});

/** A PNG of one pixel that says it is larger. */
function png(width: number, height: number): Buffer {
  const piece = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const pixel = deflateSync(Buffer.from([0, 255, 0, 0]));
  const end = piece("IEND", Buffer.alloc(0));
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, piece("IHDR", header), piece("IDAT", pixel), end]);
}

test("a picture that claims to be huge is refused, though it has one pixel", async () => {
  await using honest = await open(png(1, 1));
  expect(honest.description).toMatchObject({ width: 1, height: 1 });

  expect(await refused(png(60_000, 60_000))).toMatchObject({ code: "bad_upload" });
  expect(await refused(png(5_000, 4_000))).toMatchObject({ code: "bad_upload" });
});

test("files that refer to other files are refused unread", async () => {
  const secret = join(folder, "secret.wav");
  writeFileSync(secret, await made("a.wav", ...SOUND));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg"><image href="file://${secret}"/></svg>`;
  for (const text of [
    `#EXTM3U\n#EXTINF:1,\nfile://${secret}\n`,
    `ffconcat version 1.0\nfile ${secret}\n`,
    `[playlist]\nFile1=${secret}\n`,
    `v=0\nm=audio 9 RTP/AVP 0\n`,
    `GIF89a`,
    svg,
    "",
  ]) {
    expect(await refused(Buffer.from(text))).toMatchObject({ code: "bad_upload" });
  }
});

test("a playlist dressed as a file that is taken is refused", async () => {
  const list = Buffer.from(`#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n`);
  for (const start of [
    "ID3",
    "OggS",
    "\xff\xfb",
    "\x1a\x45\xdf\xa3",
    "    ftypisom",
    "\xff\xd8\xff",
  ]) {
    const data = Buffer.concat([Buffer.from(start, "latin1"), list]);
    expect(await refused(data)).toMatchObject({ code: "bad_upload" });
  }
});

test.each([
  ["c.png", PICTURE],
  ["c.jpg", PICTURE],
  ["c.webp", PICTURE],
  ["c.mp4", [...BOTH, "-c:v", "libx264", "-c:a", "aac"]],
] as const)("half of %s is refused", async (name, options) => {
  const whole = await made(name, ...options);

  expect(await refused(whole.subarray(0, whole.length / 2))).toMatchObject({ code: "bad_upload" });
});

test("each limit is named when it is passed", async () => {
  const video = await made("a.mp4", ...BOTH, "-c:v", "libx264", "-c:a", "aac");

  expect(await refused(video, { bytes: as(100) })).toMatchObject({ detail: { limit: "bytes" } });
  expect(await refused(video, { seconds: 1 })).toMatchObject({ detail: { limit: "seconds" } });
  expect(await refused(video, { pixels: 96 * 63 })).toMatchObject({ code: "bad_upload" });
  await using upload = await open(video, { decodedBytes: as(1_000) });
  const pictures = upload.pictures({ width: 64, height: 64, frameRate: 25 });
  await expect(pictures).rejects.toMatchObject({ detail: { limit: "decoded_bytes" } });
  const image = await open(await made("a.png", ...PICTURE));
  await expect(image.sound(16_000)).rejects.toMatchObject({ code: "bad_upload" });
  await image[Symbol.asyncDispose]();
});

test("a decoder that takes too long is killed", async () => {
  const impatient: Clock = { ...systemClock, sleep: () => Promise.resolve() };

  const outcome = await open(await made("a.png", ...PICTURE), {}, impatient).catch(
    (e: unknown) => e,
  );

  expect(outcome).toMatchObject({ code: "bad_upload", detail: { limit: "time" } });
});

test("whatever bytes come, they are refused with a code or are what they say", async () => {
  const starts = ["\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "RIFF\x10\0\0\0WEBP", "RIFF\x10\0\0\0WAVE"];
  const more = ["ID3\x04\0\0", "OggS\0\x02", "\0\0\0\x18ftypisom", "\x1a\x45\xdf\xa3", ""];
  const start = fc.constantFrom(...starts, ...more);
  const rest = fc.uint8Array({ maxLength: 2_000 });
  await fc.assert(
    fc.asyncProperty(start, rest, async (head, tail) => {
      const data = Buffer.concat([Buffer.from(head, "latin1"), tail]);
      const error = await refused(data);
      if (error !== undefined) expect(error).toMatchObject({ code: "bad_upload" });
    }),
    { numRuns: 25 },
  );
});
