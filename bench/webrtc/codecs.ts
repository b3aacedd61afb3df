/** What VP9 and AV1 would cost and gain: the system's ffmpeg on the bench's own pictures, one codec after the other. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { BenchFigures } from "../bench.ts";
import { rounded } from "../statistics.ts";
import { say, seconds, type Tools } from "./parts.ts";
import { PictureSource, testPictures, VIDEO } from "./test-pictures.ts";

const USUAL_SECONDS = 8;
const BITRATE = 1_500_000;
const LIBVPX = ["-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"];
/** The encoders as a live stream would set them: no look-ahead, the fastest of their presets that holds a rate. */
const CODECS: Readonly<Record<string, readonly string[]>> = {
  h264: ["libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "baseline"],
  vp8: ["libvpx", ...LIBVPX, "-auto-alt-ref", "0", "-minrate", String(BITRATE)],
  vp9: ["libvpx-vp9", ...LIBVPX, "-auto-alt-ref", "0"],
  av1: ["libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"],
};
/** Not every encoder takes a buffer to keep its rate in. */
const BUFFERED = ["-maxrate", String(BITRATE), "-bufsize", String(BITRATE / 2)];

/** Measure all four. */
export async function codecs(tools: Tools): Promise<BenchFigures> {
  const length = seconds(tools, USUAL_SECONDS);
  const frames = length * VIDEO.frameRate;
  const folder = await mkdtemp(join(tmpdir(), "zoetrope-bench-"));
  const figures: Record<string, number> = {};
  for (const [name, encoder] of Object.entries(CODECS)) {
    say(`ffmpeg, ${name}, ${length} s`);
    const path = join(folder, `${name}.mkv`);
    const rate = name === "av1" ? [] : BUFFERED;
    const bitrate = ["-b:v", String(BITRATE), ...rate];
    const options = ["-pix_fmt", "yuv420p", "-threads", "1", "-g", "100000", ...bitrate];
    const spoken = await ffmpeg([...RAW, ...options, "-c:v", ...encoder, path], frames);
    const compare = ["-i", path, ...RAW, "-lavfi", "[0][1]psnr", "-f", "null", "-"];
    const compared = await ffmpeg(compare, frames);
    const used = numberIn(spoken, /utime=([\d.]+)s/) + numberIn(spoken, /stime=([\d.]+)s/);
    figures[`ffmpeg_${name}_cpu_ms`] = rounded((used * 1000) / frames);
    figures[`ffmpeg_${name}_psnr_db`] = rounded(numberIn(compared, /average:([\d.]+)/));
  }
  await rm(folder, { recursive: true });
  return figures;
}

const { width, height, frameRate } = VIDEO;
/** The pictures as they come in. */
const RAW = [
  ...["-f", "rawvideo", "-pix_fmt", "rgb24"],
  ...["-s", `${width}x${height}`, "-r", String(frameRate), "-i", "-"],
];

/** Run ffmpeg on the test pictures; what it says. @throws {Error} when it fails. */
async function ffmpeg(options: readonly string[], frames: number): Promise<string> {
  const child = spawn("ffmpeg", ["-hide_banner", "-benchmark", "-y", ...options], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let spoken = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (spoken += text));
  child.stdin.on("error", () => undefined);
  const exited = once(child, "exit");
  const source = new PictureSource(testPictures());
  for (let frame = 0; frame < frames && child.exitCode === null; frame++) {
    const rgb = Uint8Array.from(source.draw(frame, frame));
    if (!child.stdin.write(rgb)) await Promise.race([once(child.stdin, "drain"), exited]);
  }
  child.stdin.end();
  const [code] = (await exited) as [number | null];
  await finished(child.stderr);
  if (code !== 0) throw new Error(`ffmpeg failed: ${spoken.slice(-500)}`);
  return spoken;
}

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
