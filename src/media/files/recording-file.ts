import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  StreamTarget,
  type StreamTargetChunk,
  WebMOutputFormat,
} from "mediabunny";
import { codecString, codedSize, type VideoCodec } from "../encoder.ts";
import type { Moment, TimedSound } from "../moments.ts";

/** Containers of packets that are encoded already. */
export type RecordingFormat = "mp4" | "webm";

/** The codec of a recording's pictures. Sound is Opus in both. */
export const RECORDING_CODECS = { mp4: "h264", webm: "vp8" } as const satisfies Readonly<
  Record<RecordingFormat, VideoCodec>
>;

/** What a recording shows: the size of its pictures, and how many there are a second. */
export interface RecordingOptions {
  readonly format: RecordingFormat;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** Where the bytes of a recording go. */
export interface ByteSink {
  /** Settles once `data` is where it belongs. */
  write(data: Uint8Array, position: number): Promise<void>;
}

/** Media time that a cut file may lack at its end, and after which a key packet should come, seconds. */
export const PIECE_SECONDS = 2;
/** A piece closes at the first key packet after this; key packets come a little before their time is up. */
const SHORTEST_PIECE = PIECE_SECONDS / 2;

/**
 * A file of packets that are encoded already: fragmented MP4 (H.264 and Opus) or WebM (VP8 and Opus).
 *
 * It grows piece by piece, a piece from key packet to key packet, and can be played at any moment up to its
 * last whole piece, also when nobody ever finishes it. MP4 is written from front to back.
 * Lifetime: until `finish`. One call at a time.
 * Errors: what the sink throws comes out of the call that is under way or of a later one; the file is over then.
 */
export class RecordingFile {
  readonly #options: RecordingOptions;
  readonly #pictures: EncodedVideoPacketSource;
  readonly #sound = new EncodedAudioPacketSource("opus");
  readonly #output: Output;

  private constructor(options: RecordingOptions, sink: ByteSink) {
    this.#options = options;
    const isMp4 = options.format === "mp4";
    this.#pictures = new EncodedVideoPacketSource(isMp4 ? "avc" : "vp8");
    const target = new StreamTarget(writableTo(isMp4 ? sink : openEnded(sink)));
    this.#output = new Output({ format: containerOf(options.format), target });
    this.#output.addVideoTrack(this.#pictures, { frameRate: options.frameRate });
    this.#output.addAudioTrack(this.#sound);
  }

  static async open(options: RecordingOptions, sink: ByteSink): Promise<RecordingFile> {
    const file = new RecordingFile(options, sink);
    await file.#output.start();
    return file;
  }

  /** Add a moment; settles when the file can take another. The first is a key packet. */
  async add({ pts, duration, key, data, sound }: Moment): Promise<void> {
    await this.#addSound(sound);
    const packet = new EncodedPacket(data, key ? "key" : "delta", pts / 1e6, duration / 1e6);
    await this.#pictures.add(packet, { decoderConfig: this.#pictureConfig() });
  }

  /** Complete the file with the last of its sound. */
  async finish(sound: readonly TimedSound[]): Promise<void> {
    await this.#addSound(sound);
    await this.#output.finalize();
  }

  async #addSound(sound: readonly TimedSound[]): Promise<void> {
    const decoderConfig = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 };
    for (const { pts, duration, data } of sound) {
      const packet = new EncodedPacket(data, "key", pts / 1e6, duration / 1e6);
      await this.#sound.add(packet, { decoderConfig });
    }
  }

  #pictureConfig(): VideoDecoderConfig {
    const codec = RECORDING_CODECS[this.#options.format];
    const { width, height } = codedSize(codec, this.#options);
    return {
      codec: codecString(codec, this.#options),
      codedWidth: width,
      codedHeight: height,
    };
  }
}

/** Media types by container. */
export const MEDIA_TYPES: Readonly<Record<RecordingFormat, string>> = {
  mp4: "video/mp4",
  webm: "video/webm",
};

const containerOf = (format: RecordingFormat): OutputFormat =>
  format === "mp4"
    ? new Mp4OutputFormat({ fastStart: "fragmented", minimumFragmentDuration: SHORTEST_PIECE })
    : new WebMOutputFormat({ minimumClusterDuration: SHORTEST_PIECE });

const writableTo = (sink: ByteSink): WritableStream<StreamTargetChunk> =>
  new WritableStream({ write: ({ data, position }) => sink.write(data, position) });

/** The EBML id of a Matroska segment (RFC 9559, section 5.1), and the size that means "until the end". */
const SEGMENT = Buffer.from([0x18, 0x53, 0x80, 0x67]);
const HEADER_BYTES = 256;
const UNTIL_THE_END = Uint8Array.of(0x07, 0xff, 0xff, 0xff, 0xff, 0xff);

/**
 * Until a WebM is finished its segment says that it is empty; let it say that it goes on to the end of the
 * file, which is what a player of a cut file needs. Finishing writes the true size over it.
 */
function openEnded(sink: ByteSink): ByteSink {
  let isMarked = false;
  return {
    write: (data, position) => {
      const at = isMarked ? -1 : Buffer.from(data.subarray(0, HEADER_BYTES)).indexOf(SEGMENT);
      if (at >= 0) {
        data.set(UNTIL_THE_END, at + SEGMENT.length);
        isMarked = true;
      }
      return sink.write(data, position);
    },
  };
}
