/** Records a session over the WebSocket by putting its received packets into a file: no second encode, no loss. */

import {
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
  WebMOutputFormat,
} from "mediabunny";
import type { MediaFrame, PictureConfig, Session } from "../web/index.ts";
import type { RecordedFile, Recording } from "./recorded-file.ts";

const MICROS_PER_SECOND = 1_000_000;
const SOUND = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 };

const isVp8 = ({ codec }: PictureConfig): boolean => codec === "vp8";

/**
 * One recording of one session, from the next key packet on.
 *
 * Lifetime: from construction to `finish`; the file is held in memory until then.
 */
export class PacketRecording implements Recording {
  readonly #config: PictureConfig;
  readonly #target = new BufferTarget();
  readonly #source: EncodedVideoPacketSource;
  /** Undefined when the session is silent. */
  readonly #sound: EncodedAudioPacketSource | undefined;
  readonly #output: Output<WebMOutputFormat | Mp4OutputFormat, BufferTarget>;
  readonly #stopListening: () => void;
  #written: Promise<void>;
  #startPts: number | undefined;
  #frames = 0;

  /** True when packets of this kind can be put into a file. */
  static supports(config: PictureConfig | undefined): config is PictureConfig {
    return config !== undefined && config.codec !== "rgb";
  }

  constructor(session: Session, config: PictureConfig) {
    this.#config = config;
    this.#source = new EncodedVideoPacketSource(isVp8(config) ? "vp8" : "avc");
    const format = isVp8(config)
      ? new WebMOutputFormat()
      : new Mp4OutputFormat({ fastStart: "in-memory" });
    this.#output = new Output({ format, target: this.#target });
    this.#output.addVideoTrack(this.#source, { frameRate: session.model.video.frame_rate });
    if (session.parameters.sound !== "none") {
      this.#sound = new EncodedAudioPacketSource("opus");
      this.#output.addAudioTrack(this.#sound);
    }
    this.#written = this.#output.start();
    this.#stopListening = session.on("packet", (packet) => {
      if (packet.header.kind === "audio") this.#addSound(packet);
      else this.#add(packet);
    });
    session.requestKeyframe();
  }

  /** Close the file; undefined when not one frame came. */
  async finish(): Promise<RecordedFile | undefined> {
    this.#stopListening();
    await this.#written;
    if (this.#frames === 0) {
      await this.#output.cancel();
      return undefined;
    }
    await this.#output.finalize();
    const type = isVp8(this.#config) ? "video/webm" : "video/mp4";
    return {
      blob: new Blob([this.#target.buffer ?? new ArrayBuffer(0)], { type }),
      extension: isVp8(this.#config) ? "webm" : "mp4",
      frames: this.#frames,
    };
  }

  /** Sound of a time before the first picture is left out. */
  #addSound({ header, payload }: MediaFrame): void {
    const sound = this.#sound;
    if (this.#startPts === undefined || header.pts < this.#startPts || !sound) return;
    const packet = new EncodedPacket(
      payload,
      "key",
      (header.pts - this.#startPts) / MICROS_PER_SECOND,
      header.duration / MICROS_PER_SECOND,
    );
    this.#written = this.#written.then(() => sound.add(packet, { decoderConfig: SOUND }));
  }

  #add({ header, payload }: MediaFrame): void {
    if (this.#startPts === undefined && !header.key) return;
    this.#startPts ??= header.pts;
    this.#frames += 1;
    const packet = new EncodedPacket(
      payload,
      header.key ? "key" : "delta",
      (header.pts - this.#startPts) / MICROS_PER_SECOND,
      header.duration / MICROS_PER_SECOND,
    );
    const { codec, width, height } = this.#config;
    const decoderConfig = { codec, codedWidth: width, codedHeight: height };
    this.#written = this.#written.then(() => this.#source.add(packet, { decoderConfig }));
  }
}
