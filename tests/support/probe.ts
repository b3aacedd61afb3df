/** What the system's ffprobe and ffmpeg say of a file or an address. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** One stream of a file, counted packet by packet. */
interface ProbedStream {
  readonly codec: string;
  readonly packets: number;
  /** Seconds from the first packet's beginning to the last one's end. */
  readonly duration: number;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** A file's streams. */
export interface Probed {
  readonly video: ProbedStream;
  readonly sound: ProbedStream;
}

interface Packet {
  readonly stream_index: number;
  readonly pts_time?: string;
  readonly duration_time?: string;
}
interface Stream {
  readonly index: number;
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
}

/** Seconds of a packet of which ffprobe says nothing: it knows none of Opus in MP4. */
const OPUS_PACKET = 0.02;

/** Run a program of this machine. */
export const run = promisify(execFile);

/** Read every packet of `source`. */
export async function probe(source: string): Promise<Probed> {
  const { stdout } = await run(
    "ffprobe",
    ["-v", "error", "-show_streams", "-show_packets", "-of", "json", source],
    { maxBuffer: 2 ** 28 },
  );
  const { streams, packets } = JSON.parse(stdout) as { streams: Stream[]; packets: Packet[] };
  const find = (type: string): ProbedStream => {
    const stream = streams.find(({ codec_type }) => codec_type === type);
    if (stream === undefined) throw new Error(`no ${type} in ${source}`);
    const own = packets.filter(({ stream_index }) => stream_index === stream.index);
    const starts = own.map(({ pts_time }) => Number(pts_time));
    const ends = own.map(
      ({ pts_time, duration_time }) => Number(pts_time) + Number(duration_time ?? OPUS_PACKET),
    );
    const duration = Math.max(...ends) - Math.min(...starts);
    const { codec_name: codec, width, height } = stream;
    return { codec, packets: own.length, duration, width, height };
  };
  return { video: find("video"), sound: find("audio") };
}

/** Decode every picture and all sound of `source`; returns how many pictures there were and what was amiss. */
export async function decode(source: string): Promise<{ pictures: number; complaints: string }> {
  const { stdout, stderr } = await run("ffmpeg", [
    ...["-v", "error", "-i", source, "-f", "null", "-progress", "pipe:1", "-"],
  ]);
  const frames = [...stdout.matchAll(/^frame=(\d+)$/gm)].map(([, count]) => Number(count));
  return { pictures: frames.at(-1) ?? 0, complaints: stderr };
}
