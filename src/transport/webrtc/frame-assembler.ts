/** Whole pictures from RTP packets in order. */

import type { IncomingVideo, RtcVideoCodec } from "./contract.ts";
import { assembleH264 } from "./h264.ts";
import type { RtpPacket } from "./rtp.ts";
import { assembleVp8 } from "./vp8.ts";

/** Bounds of one picture; what is larger is thrown away. */
const MOST_PACKETS = 4_096;

/** What a packet led to. */
export type Assembled = IncomingVideo | "broken" | undefined;

/** Lifetime: one stream. After anything broken only a key picture comes out next. */
export class FrameAssembler {
  readonly #codec: RtcVideoCodec;
  #parts: Uint8Array[] = [];
  #rtpTime: number | undefined;
  #isBroken = false;
  #needsKey = true;

  constructor(codec: RtcVideoCodec) {
    this.#codec = codec;
  }

  /** Take in the next packet. @returns a picture, `broken` when a key picture is needed, or undefined. */
  push(packet: RtpPacket, afterLoss: boolean): Assembled {
    if (afterLoss) {
      this.#needsKey = true;
      this.#isBroken = this.#parts.length > 0;
    }
    if (packet.rtpTime !== this.#rtpTime) {
      // A picture without its last packet has lost it.
      if (this.#parts.length > 0) this.#needsKey = true;
      this.#begin(packet.rtpTime);
      this.#isBroken = false;
    }
    if (packet.payload.length > 0) this.#parts.push(packet.payload);
    this.#isBroken ||= this.#parts.length > MOST_PACKETS;
    if (!packet.marker) return this.#isBroken ? "broken" : undefined;
    const parts = this.#parts;
    this.#begin(undefined);
    return parts.length === 0 ? undefined : this.#finish(parts, packet.rtpTime);
  }

  #begin(rtpTime: number | undefined): void {
    this.#parts = [];
    this.#rtpTime = rtpTime;
  }

  #finish(parts: readonly Uint8Array[], rtpTime: number): Assembled {
    const isH264 = this.#codec === "h264";
    const frame = this.#isBroken ? undefined : isH264 ? assembleH264(parts) : assembleVp8(parts);
    this.#isBroken = false;
    if (frame === undefined || (this.#needsKey && !frame.key)) {
      this.#needsKey = true;
      return "broken";
    }
    this.#needsKey = false;
    return { codec: this.#codec, rtpTime, ...frame };
  }
}
