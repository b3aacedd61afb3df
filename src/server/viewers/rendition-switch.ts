import type { BitsPerSecond } from "../../core/units.ts";
import type {
  RenditionCodec,
  RenditionOptions,
  VideoPacket,
} from "../../stream/engine/contract.ts";
import type { Picture } from "../../stream/events.ts";
import type { RenditionHold } from "../../stream/renditions.ts";
import type { Session } from "../../stream/session.ts";

/**
 * One viewer's encoding of a session's pictures, which may change under way: the viewer gets the old one until
 * the new one has a key packet, so that no picture is missing in between.
 *
 * Lifetime: until `release`.
 */
export class RenditionSwitch {
  readonly #session: Session;
  readonly #codec: RenditionCodec;
  #current: RenditionHold;
  #next: RenditionHold | undefined;

  constructor(session: Session, codec: RenditionCodec, bitrate: BitsPerSecond) {
    this.#session = session;
    this.#codec = codec;
    this.#current = session.rendition(codec, bitrate);
  }

  /** What the viewer gets now. */
  get current(): RenditionOptions {
    return this.#current.options;
  }

  /** Go over to the encoding with this bitrate, which is returned, as soon as it has a key packet. */
  want(bitrate: BitsPerSecond): RenditionOptions {
    this.#next?.release();
    const same = bitrate === this.#current.options.bitrate;
    this.#next = same ? undefined : this.#session.rendition(this.#codec, bitrate);
    return (this.#next ?? this.#current).options;
  }

  requestKeyframe(): void {
    (this.#next ?? this.#current).requestKeyframe();
  }

  /** The viewer's packet of `picture`; none in pictures that were made before it joined. */
  packetOf(picture: Picture): VideoPacket | undefined {
    const next = this.#next && packetOf(picture, this.#next);
    if (this.#next !== undefined && next?.key === true) {
      this.#current.release();
      this.#current = this.#next;
      this.#next = undefined;
      return next;
    }
    return packetOf(picture, this.#current);
  }

  release(): void {
    this.#current.release();
    this.#next?.release();
  }
}

const packetOf = ({ packets }: Picture, { options }: RenditionHold): VideoPacket | undefined =>
  packets.find(({ rendition }) => rendition === options.id);
