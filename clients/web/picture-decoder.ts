import type { MediaFrame, MediaHeader } from "../../src/protocol/media-frame.ts";
import type { Picture, PictureConfig } from "./decode-messages.ts";

/** Where a decoder delivers; both may be called long after the packet was given. */
export interface DecoderSink {
  picture(header: MediaHeader, picture: Picture): void;
  failed(reason: string): void;
}

/** Packets in, pictures out, in order. */
export interface PictureDecoder {
  /** Packets given and not yet delivered. */
  readonly waiting: number;
  decode(frame: MediaFrame): void;
  close(): void;
}

/** A decoder for packets coded as `config` says. */
export const createPictureDecoder = (config: PictureConfig, sink: DecoderSink): PictureDecoder =>
  config.codec === "rgb" ? new RawDecoder(config, sink) : new CodecDecoder(config, sink);

/** H.264 and VP8 by WebCodecs, told to hold nothing back. */
class CodecDecoder implements PictureDecoder {
  readonly #headers = new Map<number, MediaHeader>();
  readonly #decoder: VideoDecoder;

  constructor(config: PictureConfig, sink: DecoderSink) {
    this.#decoder = new VideoDecoder({
      output: (picture) => {
        const header = this.#headers.get(picture.timestamp);
        this.#headers.delete(picture.timestamp);
        if (header === undefined) picture.close();
        else sink.picture(header, picture);
      },
      error: (error) => {
        sink.failed(error.message);
      },
    });
    this.#decoder.configure({
      codec: config.codec,
      codedWidth: config.width,
      codedHeight: config.height,
      optimizeForLatency: true,
    });
  }

  get waiting(): number {
    return this.#headers.size;
  }

  decode({ header, payload }: MediaFrame): void {
    this.#headers.set(header.pts, header);
    this.#decoder.decode(
      new EncodedVideoChunk({
        type: header.key ? "key" : "delta",
        timestamp: header.pts,
        duration: header.duration,
        data: payload,
      }),
    );
  }

  close(): void {
    this.#headers.clear();
    if (this.#decoder.state !== "closed") this.#decoder.close();
  }
}

/** Raw RGB, three bytes a pixel, for browsers without WebCodecs and for tests. */
class RawDecoder implements PictureDecoder {
  readonly #config: PictureConfig;
  readonly #sink: DecoderSink;
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  waiting = 0;

  constructor(config: PictureConfig, sink: DecoderSink) {
    this.#config = config;
    this.#sink = sink;
  }

  decode({ header, payload }: MediaFrame): void {
    const { width, height } = this.#config;
    if (payload.byteLength !== width * height * 3) {
      this.#sink.failed(`a raw picture of ${width}x${height} has ${width * height * 3} bytes`);
      return;
    }
    this.waiting += 1;
    const bitmap = createImageBitmap(new ImageData(withAlpha(payload), width, height));
    this.#last = this.#last.then(() => this.#deliver(header, bitmap));
  }

  close(): void {
    this.#closed = true;
  }

  async #deliver(header: MediaHeader, pending: Promise<ImageBitmap>): Promise<void> {
    const picture = await pending;
    this.waiting -= 1;
    if (this.#closed) picture.close();
    else this.#sink.picture(header, picture);
  }
}

/** Shapes: `rgb` [pixels, 3] in, [pixels, 4] with an opaque fourth channel out. */
function withAlpha(rgb: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba.set(rgb.subarray(from, from + 3), to);
  }
  return rgba;
}
