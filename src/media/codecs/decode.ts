/** Pictures and sound that come from outside, decoded by FFmpeg's libraries inside this process. */

import {
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_FLAG_LOW_DELAY,
  AV_LOG_QUIET,
  AV_PIX_FMT_RGB24,
  AV_SAMPLE_FMT_FLTP,
  type FFDecoderCodec,
  SWS_BILINEAR,
} from "node-av/constants";
import {
  Codec,
  CodecContext,
  Dictionary,
  Frame,
  Log,
  Packet,
  SoftwareScaleContext,
} from "node-av/lib";
import { StreamError } from "../../core/errors.ts";
import { SAMPLE_RATE } from "../sound/test-signal.ts";
import { cover, type Size } from "./cover.ts";

/** Largest picture that is decoded, standing or lying; the decoder refuses larger ones before it allocates. */
const LARGEST = { long: 1920, short: 1080 } as const;
/** Coded sizes are whole macroblocks, 1080 lines are 1088. */
const MOST_PIXELS = LARGEST.long * (LARGEST.short + 8);
/** Largest packets: a key picture at 40 Mbit/s, a second long; 120 ms of Opus at 510 kbit/s (RFC 6716). */
const MOST_BYTES = { video: 5_000_000, sound: 8_000 } as const;

/** A decoded picture. */
interface DecodedPicture {
  /** [height, width, 3], uint8, of the size that was wanted: the middle of the picture, scaled. */
  readonly rgb: Uint8Array;
  /** Size the picture came in. */
  readonly source: Size;
}

/** Lifetime: until `close`, which waits for a picture that is being decoded. One picture at a time. */
export interface PictureDecoder {
  /**
   * Decode the next packet.
   *
   * @returns the newest picture that came of it; undefined when the decoder needs more.
   * @throws {StreamError} `bad_upload` when the packet is broken or too large; a key packet mends that.
   */
  decode(data: Uint8Array): Promise<DecodedPicture | undefined>;
  close(): void;
}

/** Lifetime: until `close`. */
export interface SoundDecoder {
  /**
   * Decode one Opus packet.
   *
   * Shapes: float32 [n], mono, 48 kHz.
   * @throws {StreamError} `bad_upload` when the packet is broken.
   */
  decode(data: Uint8Array): Float32Array;
  close(): void;
}

const refused = (why: string): StreamError => new StreamError("bad_upload", why);

/** @throws {StreamError} `encoder_failed` when FFmpeg has no such decoder. */
function decoderOf(name: string): Codec {
  Log.setLevel(AV_LOG_QUIET);
  const codec = Codec.findDecoderByName(name as FFDecoderCodec);
  if (codec !== null) return codec;
  throw new StreamError("encoder_failed", `FFmpeg was built without ${name}`);
}

function contextOf(codec: Codec): CodecContext {
  const context = new CodecContext();
  context.allocContext3(codec);
  context.threadCount = 1;
  return context;
}

/** `context`, now open. @throws {StreamError} `encoder_failed` when it is not; it is freed then. */
function opened(context: CodecContext, status: number): CodecContext {
  if (status >= 0) return context;
  context.freeContext();
  throw new StreamError("encoder_failed", `a decoder does not open: FFmpeg answered ${status}`);
}

/**
 * Open a decoder whose pictures have the size `wanted`.
 *
 * @throws {StreamError} `encoder_failed` when FFmpeg has none.
 */
export async function openPictureDecoder(
  codec: "h264" | "vp8",
  wanted: Size,
): Promise<PictureDecoder> {
  const decoder = decoderOf(codec);
  const context = contextOf(decoder);
  context.flags = AV_CODEC_FLAG_LOW_DELAY;
  const options = Dictionary.fromObject({ max_pixels: String(MOST_PIXELS) });
  return new NodeAvPictureDecoder(opened(context, await context.open2(decoder, options)), wanted);
}

class NodeAvPictureDecoder implements PictureDecoder {
  readonly #context: CodecContext;
  readonly #wanted: Size;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  #scaler: Scaler | undefined;

  constructor(context: CodecContext, wanted: Size) {
    this.#context = context;
    this.#wanted = wanted;
    this.#packet.alloc();
    this.#frame.alloc();
  }

  async decode(data: Uint8Array): Promise<DecodedPicture | undefined> {
    if (data.length === 0 || data.length > MOST_BYTES.video)
      throw refused("a picture is too large");
    this.#packet.data = Buffer.from(data);
    const status = await this.#context.sendPacket(this.#packet);
    this.#packet.unref();
    let newest: DecodedPicture | undefined;
    while ((await this.#context.receiveFrame(this.#frame)) === 0) {
      newest = await this.#scaled();
      this.#frame.unref();
    }
    if (status < 0) throw refused("a picture cannot be decoded");
    return newest;
  }

  async #scaled(): Promise<DecodedPicture> {
    const { width, height, format } = this.#frame;
    const [long, short] = [Math.max(width, height), Math.min(width, height)];
    if (short < 16 || long > LARGEST.long || short > LARGEST.short) {
      throw refused(`pictures of ${width} × ${height} are not taken`);
    }
    if (this.#scaler?.fits(this.#frame) !== true) {
      this.#scaler?.close();
      this.#scaler = new Scaler({ width, height }, format, this.#wanted);
    }
    return { rgb: await this.#scaler.scale(this.#frame), source: { width, height } };
  }

  close(): void {
    this.#scaler?.close();
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}

/** Scales pictures of one size and format until they cover the wanted size, and cuts out the middle. */
class Scaler {
  readonly #source: Size;
  readonly #format: number;
  readonly #wanted: Size;
  readonly #covering: Size;
  readonly #context = new SoftwareScaleContext();
  readonly #target = new Frame();

  constructor(source: Size, format: number, wanted: Size) {
    this.#source = source;
    this.#format = format;
    this.#wanted = wanted;
    const covering = cover(source, wanted);
    this.#covering = covering;
    this.#target.alloc();
    this.#target.width = covering.width;
    this.#target.height = covering.height;
    this.#target.format = AV_PIX_FMT_RGB24;
    this.#target.getBuffer();
    this.#context.getContext(
      source.width,
      source.height,
      format as never,
      covering.width,
      covering.height,
      AV_PIX_FMT_RGB24,
      SWS_BILINEAR,
    );
  }

  fits({ width, height, format }: Frame): boolean {
    return (
      width === this.#source.width && height === this.#source.height && format === this.#format
    );
  }

  async scale(frame: Frame): Promise<Uint8Array> {
    if ((await this.#context.scaleFrame(this.#target, frame)) < 0) {
      throw refused("a picture cannot be scaled");
    }
    const [plane] = this.#target.data ?? [];
    const [stride] = this.#target.linesize;
    if (plane === undefined || stride === undefined) throw refused("a picture without pixels");
    const { width, height } = this.#wanted;
    const left = Math.floor((this.#covering.width - width) / 2) * 3;
    const top = Math.floor((this.#covering.height - height) / 2);
    const rgb = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) {
      const start = (top + y) * stride + left;
      rgb.set(plane.subarray(start, start + width * 3), y * width * 3);
    }
    return rgb;
  }

  close(): void {
    this.#context.freeContext();
    this.#target.free();
  }
}

/**
 * Open an Opus decoder.
 *
 * @throws {StreamError} `encoder_failed` when FFmpeg has none.
 */
export function openSoundDecoder(): SoundDecoder {
  const decoder = decoderOf("opus");
  const context = contextOf(decoder);
  context.sampleRate = SAMPLE_RATE;
  context.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
  return new NodeAvSoundDecoder(opened(context, context.open2Sync(decoder)));
}

class NodeAvSoundDecoder implements SoundDecoder {
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  readonly #frame = new Frame();

  constructor(context: CodecContext) {
    this.#context = context;
    this.#packet.alloc();
    this.#frame.alloc();
  }

  decode(data: Uint8Array): Float32Array {
    if (data.length === 0 || data.length > MOST_BYTES.sound)
      throw refused("a sound packet is too large");
    this.#packet.data = Buffer.from(data);
    // A packet takes 0.1 ms to decode, less than a trip to another thread.
    const status = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    if (status < 0) throw refused("a sound packet cannot be decoded");
    const parts: Float32Array[] = [];
    while (this.#context.receiveFrameSync(this.#frame) === 0) {
      parts.push(mono(this.#frame));
      this.#frame.unref();
    }
    return joined(parts);
  }

  close(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}

/** The mean of all channels. */
function mono({ format, nbSamples, data }: Frame): Float32Array {
  if (format !== AV_SAMPLE_FMT_FLTP || data === null) throw refused("sound of an unknown form");
  const samples = new Float32Array(nbSamples);
  for (const plane of data) {
    const channel = new Float32Array(plane.buffer, plane.byteOffset, nbSamples);
    for (let i = 0; i < nbSamples; i++) {
      samples[i] = (samples[i] ?? 0) + (channel[i] ?? 0) / data.length;
    }
  }
  return samples;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
