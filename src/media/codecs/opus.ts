/** Opus by FFmpeg's libraries inside this process. */

import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_LOG_QUIET,
  AV_SAMPLE_FMT_FLT,
  type FFEncoderCodec,
} from "node-av/constants";
import { Codec, CodecContext, Dictionary, Frame, Log, Packet, Rational } from "node-av/lib";
import { StreamError } from "../../core/errors.ts";
import { SAMPLE_RATE } from "../sound/test-signal.ts";
import { PACKET_SAMPLES, type SoundEncoder } from "../sound-encoder.ts";

const BITRATE = 64_000n;
/** Without the speech model, which would look 4 ms further ahead. */
const OPTIONS = { application: "lowdelay", frame_duration: "20" } as const;

/**
 * Open an Opus encoder for mono sound at 48 kHz.
 *
 * @throws {StreamError} `encoder_failed` when FFmpeg has none or refuses the options.
 */
export async function openOpusEncoder(): Promise<SoundEncoder> {
  Log.setLevel(AV_LOG_QUIET);
  const codec = Codec.findEncoderByName("libopus" as FFEncoderCodec);
  if (codec === null) throw failed("FFmpeg was built without libopus");
  const context = new CodecContext();
  context.allocContext3(codec);
  context.sampleRate = SAMPLE_RATE;
  context.sampleFormat = AV_SAMPLE_FMT_FLT;
  context.channelLayout = AV_CHANNEL_LAYOUT_MONO;
  context.bitRate = BITRATE;
  context.timeBase = new Rational(1, SAMPLE_RATE);
  // The asynchronous call: its synchronous twin frees the dictionary twice.
  check(await context.open2(codec, Dictionary.fromObject({ ...OPTIONS })));
  return new OpusEncoder(context);
}

const failed = (why: string): StreamError =>
  new StreamError("encoder_failed", `opus encoder: ${why}`, {
    recovery: "end-session",
    detail: { codec: "opus" },
  });

function check(status: number): void {
  if (status < 0) throw failed(`FFmpeg answered ${status}`);
}

class OpusEncoder implements SoundEncoder {
  readonly #context: CodecContext;
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  #samples = 0;

  constructor(context: CodecContext) {
    this.#context = context;
    this.#frame.alloc();
    this.#frame.nbSamples = PACKET_SAMPLES;
    this.#frame.format = AV_SAMPLE_FMT_FLT;
    this.#frame.sampleRate = SAMPLE_RATE;
    this.#frame.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    check(this.#frame.getBuffer());
    this.#packet.alloc();
  }

  encode(pcm: Float32Array): Uint8Array {
    check(this.#frame.makeWritable());
    const [samples] = this.#frame.data ?? [];
    if (samples === undefined) throw failed("a frame without samples");
    new Float32Array(samples.buffer, samples.byteOffset, PACKET_SAMPLES).set(pcm);
    this.#frame.pts = BigInt(this.#samples);
    this.#samples += PACKET_SAMPLES;
    // The asynchronous calls take longer than the encoding itself, 0.2 ms.
    check(this.#context.sendFrameSync(this.#frame));
    check(this.#context.receivePacketSync(this.#packet));
    const { data } = this.#packet;
    if (data === null) throw failed("an empty packet came out");
    const packet = Uint8Array.from(data);
    this.#packet.unref();
    return packet;
  }

  close(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
