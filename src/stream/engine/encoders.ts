import { as, type BlockIndex, type FrameIndex, frameTime, type Micros } from "../../core/units.ts";
import type { EncoderOptions, VideoEncoder } from "../../media/encoder.ts";
import type { BlockRequest, RenditionOptions, VideoPacket } from "./contract.ts";

/** The pictures a session's encoders get. */
export type VideoFormat = Pick<EncoderOptions, "width" | "height" | "frameRate">;

/** Opens one encoder. */
export type OpenEncoder = (options: EncoderOptions) => Promise<VideoEncoder>;

/** The pictures of one block. */
export interface BlockPictures {
  readonly block: BlockIndex;
  readonly firstFrame: FrameIndex;
  /** One per frame, [height, width, 3], uint8. */
  readonly pictures: readonly Uint8Array[];
}

/** One session's encoders, one for each rendition that is wanted. Lifetime: until `close`. */
export class Encoders {
  readonly #format: VideoFormat;
  readonly #openEncoder: OpenEncoder;
  readonly #open = new Map<number, VideoEncoder>();

  constructor(format: VideoFormat, openEncoder: OpenEncoder) {
    this.#format = format;
    this.#openEncoder = openEncoder;
  }

  /**
   * Encode a block for the renditions `request` names; an encoder that it no longer names is closed.
   *
   * Returns packets in frame order, each frame's in the order of the renditions.
   * @throws {StreamError} `encoder_failed`.
   */
  async encode(block: BlockPictures, request: BlockRequest): Promise<VideoPacket[]> {
    const { renditions, keyframes } = request;
    this.#closeAllBut(new Set(renditions.map(({ id }) => id)));
    const encoded = await allDone(
      renditions.map((rendition) =>
        this.#encodeOne(block, rendition, keyframes.includes(rendition.id)),
      ),
    );
    return block.pictures.flatMap((_, i) => encoded.flatMap((packets) => packets.slice(i, i + 1)));
  }

  close(): void {
    this.#closeAllBut(new Set());
  }

  async #encodeOne(
    { firstFrame, pictures }: BlockPictures,
    rendition: RenditionOptions,
    keyWanted: boolean,
  ): Promise<VideoPacket[]> {
    const encoder = await this.#encoder(rendition);
    const packets: VideoPacket[] = [];
    for (const [i, rgb] of pictures.entries()) {
      const frame = firstFrame + i;
      const pts = frameTime(frame, this.#format.frameRate);
      const { data, key } = await encoder.encode(rgb, pts, { key: keyWanted && i === 0 });
      packets.push({
        rendition: rendition.id,
        codec: rendition.codec,
        key,
        frame: as(frame),
        pts,
        duration: as<Micros>(frameTime(frame + 1, this.#format.frameRate) - pts),
        data,
      });
    }
    return packets;
  }

  async #encoder({ id, codec, bitrate }: RenditionOptions): Promise<VideoEncoder> {
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const encoder = await this.#openEncoder({ ...this.#format, codec, bitrate: as(bitrate) });
    this.#open.set(id, encoder);
    return encoder;
  }

  #closeAllBut(wanted: ReadonlySet<number>): void {
    for (const [id, encoder] of this.#open) {
      if (wanted.has(id)) continue;
      encoder.close();
      this.#open.delete(id);
    }
  }
}

/** Wait for all of `work`, also after one failed: an encoder must not be closed while it works. */
async function allDone<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
