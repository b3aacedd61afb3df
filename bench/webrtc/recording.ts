/** Bar 13: a session that is recorded while it is watched, judged by ffprobe. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BenchFigures } from "../bench.ts";
import { rounded } from "../statistics.ts";
import { pause, say, seconds, type Tools } from "./parts.ts";
import { Receivers } from "./receivers.ts";

const USUAL_SECONDS = 10;
const JSON_BODY = { "content-type": "application/json" };

/** Record, stop, fetch, probe. */
export async function recording(tools: Tools): Promise<BenchFigures> {
  const { server } = tools;
  const length = seconds(tools, USUAL_SECONDS);
  say(`recording ${length} s`);
  const stream = await server.open();
  const receivers = new Receivers();
  await receivers.open(stream.target());
  const path = `/v1/sessions/${stream.id}/recordings`;
  const started = await server.fetch(path, { method: "POST", body: "{}", headers: JSON_BODY });
  const { id } = (await started.json()) as { readonly id: string };
  await pause(length);
  const stopped = await server.fetch(`${path}/${id}`, { method: "DELETE" });
  const { frames } = (await stopped.json()) as { readonly frames: number };
  const file = await server.fetch(`/v1/recordings/${id}/file`);
  const found = await probe(new Uint8Array(await file.arrayBuffer()));
  await receivers.stop();
  await stream.close();
  return {
    recording_frames: frames,
    recording_frames_missing: frames - found.frames,
    recording_av_difference_ms: rounded(found.avDifferenceMs, 1),
    recording_complaints: found.complaints,
  };
}

interface Probed {
  readonly frames: number;
  readonly avDifferenceMs: number;
  /** Lines that ffprobe wrote as errors. */
  readonly complaints: number;
}

interface ProbeReport {
  readonly streams: readonly {
    readonly codec_type: string;
    readonly duration: string;
    readonly nb_read_frames: string;
  }[];
}

async function probe(bytes: Uint8Array): Promise<Probed> {
  const folder = await mkdtemp(join(tmpdir(), "zoetrope-bench-"));
  const path = join(folder, "recording.mp4");
  await writeFile(path, bytes);
  const flags = ["-v", "error", "-count_frames", "-show_streams", "-of", "json", path];
  const { stdout, stderr } = await promisify(execFile)("ffprobe", flags);
  await rm(folder, { recursive: true });
  const { streams } = JSON.parse(stdout) as ProbeReport;
  const of = (type: string) => streams.find(({ codec_type }) => codec_type === type);
  const seconds = (type: string) => Number(of(type)?.duration);
  return {
    frames: Number(of("video")?.nb_read_frames),
    avDifferenceMs: Math.abs(seconds("video") - seconds("audio")) * 1000,
    complaints: stderr.split("\n").filter((line) => line !== "").length,
  };
}
