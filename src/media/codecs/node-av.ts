/** H.264 and VP8 by FFmpeg's libraries inside this process. */

import {
  AV_LOG_QUIET,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVCOL_PRI_SMPTE170M,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_SMPTE170M,
  type FFEncoderCodec,
} from "node-av/constants";
import { Codec, CodecContext, Dictionary, Frame, Log, Packet, Rational } from "node-av/lib";
import { StreamError } from "../../core/errors.ts";
import type { Micros } from "../../core/units.ts";
import { BT601, type I420, rgbToI420, rgbToI420Doubled } from "../colour.ts";
import {
  codedSize,
  type EncodedPicture,
  type EncoderOptions,
  h264Level,
  type VideoEncoder,
} from "../encoder.ts";

/** Key packets come on demand only; this many pictures is 276 days at 90 a second. */
const ENDLESS_GOP = 2 ** 31 - 1;

/** A stretch of pictures this long keeps the bitrate, so that a viewer's network is not overrun by a lively one. */
const RATE_BUFFER_SECONDS = 0.5;

interface CodecSettings {
  readonly encoder: string;
  readonly options: Readonly<Record<string, string>>;
}

const SETTINGS: Readonly<Record<"h264" | "vp8", CodecSettings>> = {
  h264: {
    encoder: "libx264",
    options: {
      preset: "superfast",
      tune: "zerolatency",
      profile: "baseline",
      // Without these x264 places key pictures of its own at every cut of the picture.
      "x264-params": "scenecut=0:keyint=infinite:annexb=1:repeat-headers=1",
    },
  },
  vp8: {
    encoder: "libvpx",
    options: { deadline: "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0" },
  },
};

/**
 * Open an H.264 or VP8 encoder.
 *
 * @throws {StreamError} `encoder_failed` when FFmpeg has no such encoder or refuses the options.
 */
export async function openNodeAvEncoder(
  options: EncoderOptions & { readonly codec: "h264" | "vp8" },
): Promise<VideoEncoder> {
  Log.setLevel(AV_LOG_QUIET);
  const settings = SETTINGS[options.codec];
  const codec = Codec.findEncoderByName(settings.encoder as FFEncoderCodec);
  if (codec === null) throw failed(options, `FFmpeg was built without ${settings.encoder}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  describe(context, options);
  // The asynchronous call: its synchronous twin frees the dictionary twice.
  check(await context.open2(codec, Dictionary.fromObject({ ...settings.options })), options);
  return new NodeAvEncoder(context, options);
}

function describe(context: CodecContext, options: EncoderOptions): void {
  const { width, height } = codedSize(options.codec, options);
  context.width = width;
  context.height = height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = new Rational(1, 1_000_000);
  context.framerate = new Rational(Math.round(options.frameRate * 1000), 1000);
  context.bitRate = BigInt(Math.round(options.bitrate));
  context.rcMinRate = options.codec === "vp8" ? context.bitRate : 0n;
  context.rcMaxRate = context.bitRate;
  context.rcBufferSize = Math.round(options.bitrate * RATE_BUFFER_SECONDS);
  context.gopSize = ENDLESS_GOP;
  context.maxBFrames = 0;
  context.threadCount = 1;
  context.colorSpace = AVCOL_SPC_SMPTE170M;
  context.colorPrimaries = AVCOL_PRI_SMPTE170M;
  context.colorTrc = AVCOL_TRC_SMPTE170M;
  context.colorRange = AVCOL_RANGE_MPEG;
  if (options.codec === "h264") {
    context.level = h264Level(width, height, options.frameRate);
  }
}

const failed = (options: EncoderOptions, why: string): StreamError =>
  new StreamError("encoder_failed", `${options.codec} encoder: ${why}`, {
    recovery: "end-session",
    detail: { codec: options.codec, width: options.width, height: options.height },
  });

function check(status: number, options: EncoderOptions): void {
  if (status < 0) throw failed(options, `FFmpeg answered ${status}`);
}

class NodeAvEncoder implements VideoEncoder {
  readonly options: EncoderOptions;
  readonly #context: CodecContext;
  readonly #convert: typeof rgbToI420;
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  #first = true;

  constructor(context: CodecContext, options: EncoderOptions) {
    this.options = options;
    this.#context = context;
    this.#frame.alloc();
    const { width, height } = codedSize(options.codec, options);
    this.#convert = width < 2 * options.width ? rgbToI420 : rgbToI420Doubled;
    this.#frame.width = width;
    this.#frame.height = height;
    this.#frame.format = AV_PIX_FMT_YUV420P;
    check(this.#frame.getBuffer(), options);
    this.#packet.alloc();
  }

  async encode(rgb: Uint8Array, pts: Micros, wish: { key: boolean }): Promise<EncodedPicture> {
    // The encoder may still refer to the picture before; this gives the frame memory of its own then.
    check(this.#frame.makeWritable(), this.options);
    this.#convert(rgb, this.options, this.#planes(), BT601);
    this.#frame.pts = BigInt(pts);
    this.#frame.pictType = this.#first || wish.key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    this.#first = false;
    check(await this.#context.sendFrame(this.#frame), this.options);
    check(this.#context.receivePacketSync(this.#packet), this.options);
    const { data, isKeyframe } = this.#packet;
    if (data === null) throw failed(this.options, "an empty packet came out");
    const picture = { data: Uint8Array.from(data), key: isKeyframe };
    this.#packet.unref();
    return picture;
  }

  #planes(): I420 {
    const [y, u, v] = this.#frame.data ?? [];
    const [luma, chroma] = this.#frame.linesize;
    if (!y || !u || !v || luma === undefined || chroma === undefined) {
      throw failed(this.options, "a frame without planes");
    }
    return { y, u, v, strides: { luma, chroma } };
  }

  close(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
