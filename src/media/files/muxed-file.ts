import { rm, stat } from "node:fs/promises";
import {
  EncodedPacket,
  EncodedVideoPacketSource,
  FilePathTarget,
  Mp4OutputFormat,
  Output,
  WebMOutputFormat,
} from "mediabunny";
import { StreamError } from "../../core/errors.ts";
import { as, type Bytes } from "../../core/units.ts";
import { codecString, codedSize, type EncodedPicture } from "../encoder.ts";
import type { VideoFile, VideoFileOptions } from "./video-file.ts";

/**
 * Open a file for packets that are encoded already: H.264 in MP4, VP8 in WebM. Nothing is encoded again.
 *
 * @throws {StreamError} `unsupported_codec` for raw pictures.
 */
export async function openMuxedFile(options: VideoFileOptions): Promise<VideoFile> {
  const { path, codec, frameRate } = options;
  if (codec === "rgb") {
    throw new StreamError("unsupported_codec", "raw pictures have no place in MP4 or WebM");
  }
  const source = new EncodedVideoPacketSource(codec === "h264" ? "avc" : "vp8");
  const format =
    codec === "h264" ? new Mp4OutputFormat({ fastStart: false }) : new WebMOutputFormat();
  const output = new Output({ format, target: new FilePathTarget(path) });
  output.addVideoTrack(source, { frameRate });
  await output.start();
  return new MuxedFile(options, source, output);
}

class MuxedFile implements VideoFile {
  readonly #options: VideoFileOptions;
  readonly #source: EncodedVideoPacketSource;
  readonly #output: Output;
  #frames = 0;

  constructor(options: VideoFileOptions, source: EncodedVideoPacketSource, output: Output) {
    this.#options = options;
    this.#source = source;
    this.#output = output;
  }

  async add({ data, key }: EncodedPicture): Promise<void> {
    const { codec, frameRate } = this.#options;
    const { width, height } = codedSize(codec, this.#options);
    const decoderConfig = {
      codec: codecString(codec, this.#options),
      codedWidth: width,
      codedHeight: height,
    };
    const packet = new EncodedPacket(
      data,
      key ? "key" : "delta",
      this.#frames / frameRate,
      1 / frameRate,
    );
    this.#frames += 1;
    await this.#source.add(packet, { decoderConfig });
  }

  async finish(): Promise<Bytes> {
    await this.#output.finalize();
    return as((await stat(this.#options.path)).size);
  }

  async cancel(): Promise<void> {
    await this.#output.cancel();
    await rm(this.#options.path, { force: true });
  }
}
