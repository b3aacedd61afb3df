/** One stream of RTP that comes in. */

import type { Clock } from "../../core/clock.ts";
import { as, type Millis } from "../../core/units.ts";
import type { ReceiverHandlers, RtcVideoCodec } from "./contract.ts";
import { FrameAssembler } from "./frame-assembler.ts";
import type { AgreedMedia } from "./negotiation.ts";
import type { NtpClock } from "./ntp.ts";
import { ReceptionStatistics } from "./reception.ts";
import { ReorderBuffer } from "./reorder.ts";
import { type Reception, writeNack, writePli } from "./rtcp.ts";
import type { RtpPacket } from "./rtp.ts";

/** What a stream needs of its connection. */
export interface IncomingParts {
  readonly clock: Clock;
  readonly ntp: NtpClock;
  /** Who this side is in reports. */
  readonly ssrc: number;
  readonly handlers: ReceiverHandlers;
  sendRtcp(packet: Buffer): void;
}

/** Key pictures are asked for this seldom. */
const KEY_EVERY: Millis = as(300);

/** Lifetime: one connection. The first SSRC that comes with the agreed payload type is the stream. */
export class IncomingStream {
  readonly #media: AgreedMedia;
  readonly #parts: IncomingParts;
  readonly #assembler: FrameAssembler | undefined;
  readonly #buffer = new ReorderBuffer<RtpPacket>();
  #statistics: ReceptionStatistics | undefined;
  #ssrc: number | undefined;
  #askedAt: Millis = as(-Infinity);

  /** `codec` is absent for sound. */
  constructor(media: AgreedMedia, codec: RtcVideoCodec | undefined, parts: IncomingParts) {
    this.#media = media;
    this.#parts = parts;
    this.#assembler = codec === undefined ? undefined : new FrameAssembler(codec);
  }

  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** Take in a packet of any stream. */
  push(packet: RtpPacket): void {
    if (packet.payloadType !== this.#media.format.payloadType) return;
    if (this.#ssrc === undefined) this.#begin(packet.ssrc);
    if (packet.ssrc !== this.#ssrc) return;
    const now = this.#parts.clock.now();
    this.#buffer.push(packet.sequence, packet, now);
    this.#statistics?.packet(packet.rtpTime, this.#buffer.highest, now);
    this.poll(now);
  }

  /** Deliver what is in order by now, and ask for what is missing. */
  poll(now: Millis): void {
    for (let next = this.#buffer.take(now); next !== undefined; next = this.#buffer.take(now)) {
      this.#deliver(next.packet, next.afterLoss);
    }
    if (this.#ssrc === undefined || !this.#media.feedback.includes("nack")) return;
    const missing = this.#buffer.missing(now);
    if (missing.length === 0) return;
    this.#parts.sendRtcp(writeNack(this.#parts.ssrc, this.#ssrc, missing));
  }

  /** Ask for a key picture, once the stream is known. */
  requestKeyframe(): void {
    const now = this.#parts.clock.now();
    if (this.#ssrc === undefined || now - this.#askedAt < KEY_EVERY) return;
    this.#askedAt = now;
    this.#parts.sendRtcp(writePli(this.#parts.ssrc, this.#ssrc));
  }

  /** Note a sender report of `ssrc`. */
  sender(ssrc: number, ntpMiddle: number): void {
    const { ntp, clock } = this.#parts;
    if (ssrc === this.#ssrc) this.#statistics?.sender(ntpMiddle, ntp, clock.now());
  }

  /** What to report; undefined before anything came. */
  reception(now: Millis): Reception | undefined {
    return this.#statistics?.reception(this.#buffer.highest, this.#parts.ntp, now);
  }

  #begin(ssrc: number): void {
    this.#ssrc = ssrc;
    this.#statistics = new ReceptionStatistics(ssrc, this.#media.format.rate);
    if (this.#assembler !== undefined) this.requestKeyframe();
  }

  #deliver(packet: RtpPacket, afterLoss: boolean): void {
    if (this.#assembler === undefined) {
      const { rtpTime, payload } = packet;
      if (payload.length > 0) this.#parts.handlers.sound({ rtpTime, data: payload });
      return;
    }
    const assembled = this.#assembler.push(packet, afterLoss);
    if (assembled === "broken") this.requestKeyframe();
    else if (assembled !== undefined) this.#parts.handlers.video(assembled);
  }
}
