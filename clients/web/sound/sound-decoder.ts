import { as, type Micros } from "../../../src/core/units.ts";
import type { MediaFrame } from "../../../src/protocol/media-frame.ts";
import type { SoundChunk } from "./messages.ts";

/** How the server's sound is coded. */
const SOUND_CONFIG: AudioDecoderConfig = {
  codec: "opus",
  sampleRate: 48_000,
  numberOfChannels: 1,
};

/** True where this browser decodes the server's sound. */
export async function isSoundDecodable(): Promise<boolean> {
  if (!("AudioDecoder" in globalThis) || !("AudioWorkletNode" in globalThis)) return false;
  const answer = await AudioDecoder.isConfigSupported(SOUND_CONFIG).catch(() => undefined);
  return answer?.supported === true;
}

/** Opus packets in, samples out at `port`. A decoder that fails begins anew with the next packet. */
export class SoundDecoder {
  readonly #port: MessagePort;
  #decoder: AudioDecoder | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  decode({ header, payload }: MediaFrame): void {
    this.#decoder ??= this.#open();
    this.#decoder.decode(
      new EncodedAudioChunk({
        type: "key",
        timestamp: header.pts,
        duration: header.duration,
        data: payload,
      }),
    );
  }

  close(): void {
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
    this.#port.close();
  }

  #open(): AudioDecoder {
    const decoder = new AudioDecoder({
      output: (data) => {
        this.#deliver(data);
      },
      error: () => {
        this.#decoder = undefined;
      },
    });
    decoder.configure(SOUND_CONFIG);
    return decoder;
  }

  #deliver(data: AudioData): void {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    const chunk: SoundChunk = { pts: as<Micros>(data.timestamp), samples };
    data.close();
    this.#port.postMessage(chunk, [samples.buffer]);
  }
}
