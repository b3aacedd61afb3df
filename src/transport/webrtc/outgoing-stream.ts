/** One stream of RTP (RFC 3550) that is sent, and its retransmissions (RFC 4588). */

import { RtpHeader } from "werift";
import type { Micros, Millis } from "../../core/units.ts";
import { SentHistory } from "./history.ts";
import type { AgreedMedia } from "./negotiation.ts";
import { absSendTime, type NtpClock } from "./ntp.ts";
import type { Paced } from "./pacer.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { random16, random32 } from "./random.ts";
import { writeSenderReport } from "./rtcp.ts";
import type { SentLog } from "./sent-log.ts";
import { TrackClock } from "./timeline.ts";

/** What the streams of one connection share. */
export interface StreamParts {
  readonly transport: Pick<PeerTransport, "sendRtp">;
  readonly log: SentLog;
  readonly ntp: NtpClock;
  readonly cname: string;
  /** Most milliseconds that a player may hold pictures back. */
  readonly mostDelay: Millis;
}

/** A packet that waits. */
export interface OutgoingPacket extends Paced {
  readonly stream: OutgoingStream;
  readonly payload: Uint8Array;
  readonly rtpTime: number;
  readonly marker: boolean;
  /** The first of a key picture, or of sound after a silence. */
  readonly begins: boolean;
}

/** What a stream is called on the wire. */
export interface StreamNames {
  readonly ssrc: number;
  /** Of its retransmissions. */
  readonly rtx: number;
}

/** Names that nobody can guess. */
export const randomNames = (): StreamNames => ({ ssrc: random32(), rtx: random32() });

interface SentPacket {
  readonly header: RtpHeader;
  readonly payload: Uint8Array;
}

/** RTP header, header extensions, and the tag of SRTP; what a packet has above its payload. */
const OVERHEAD = 12 + 24 + 16;
/** Units of the playout-delay extension. */
const DELAY_TICK = 10;

/** Lifetime: one connection. Sequence numbers are given when a packet leaves, so what is dropped leaves no gap. */
export class OutgoingStream {
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  readonly clock: TrackClock;
  readonly #media: AgreedMedia;
  readonly #parts: StreamParts;
  readonly #fixed: readonly { readonly id: number; readonly payload: Buffer }[];
  readonly #history = new SentHistory<SentPacket>();
  #sequence = random16();
  #rtxSequence = random16();
  #packets = 0;
  #bytes = 0;

  constructor(media: AgreedMedia, parts: StreamParts, { ssrc, rtx } = randomNames()) {
    this.#media = media;
    this.#parts = parts;
    this.ssrc = ssrc;
    this.rtxSsrc = media.rtx === undefined ? undefined : rtx;
    this.clock = new TrackClock(media.format.rate, random32());
    this.#fixed = fixedExtensions(media, parts.mostDelay);
  }

  get kind(): AgreedMedia["kind"] {
    return this.#media.kind;
  }

  /** Prepare one frame's packets. Shapes: `payloads` in order; the last ends the frame. */
  packets(payloads: readonly Uint8Array[], due: Micros, begins: boolean): OutgoingPacket[] {
    const rtpTime = this.clock.next(due);
    return payloads.map((payload, i) => ({
      stream: this,
      payload,
      rtpTime,
      // Of pictures it marks the last packet; of sound, the first one after a silence (RFC 3551, section 4.1).
      marker: this.kind === "video" ? i === payloads.length - 1 : begins,
      begins: begins && i === 0,
      size: payload.length + OVERHEAD,
    }));
  }

  /** Send a packet. @returns bytes on the wire. */
  send({ payload, rtpTime, marker, begins }: OutgoingPacket, now: Millis): number {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    if (begins) this.#history.beginKey(this.#sequence);
    const header = new RtpHeader({
      ssrc: this.ssrc,
      payloadType: this.#media.format.payloadType,
      sequenceNumber: this.#sequence,
      timestamp: rtpTime,
      marker,
      extensions: this.#extensions(payload.length + OVERHEAD, now),
    });
    if (this.kind === "video") this.#history.keep(this.#sequence, { header, payload }, now);
    this.#packets += 1;
    this.#bytes += payload.length;
    return this.#parts.transport.sendRtp(payload, header);
  }

  /**
   * Send a packet again that the viewer missed.
   *
   * @returns bytes on the wire, none when that would be for nothing; undefined when the packet is gone.
   */
  sendAgain(sequence: number, now: Millis, roundTrip: Millis | undefined): number | undefined {
    const sent = this.#history.again(sequence, now, roundTrip);
    if (sent === undefined) return undefined;
    if (sent === "needless") return 0;
    return this.rtxSsrc === undefined ? this.#repeat(sent) : this.#wrap(sent, this.rtxSsrc, now);
  }

  /**
   * Send the newest packet again for no other reason than to send something.
   *
   * @returns bytes on the wire; undefined where there is none, or no retransmission was agreed on.
   */
  sendPadding(now: Millis): number | undefined {
    const { newest } = this.#history;
    if (newest === undefined || this.rtxSsrc === undefined) return undefined;
    return this.#wrap(newest, this.rtxSsrc, now);
  }

  /** The sender report of this instant. */
  report(now: Millis): Buffer {
    const rtpTime = this.clock.at((now * 1000) as Micros);
    const { ntp, cname } = this.#parts;
    return writeSenderReport(
      {
        ssrc: this.ssrc,
        ntp: ntp.seconds(now),
        rtpTime,
        packets: this.#packets,
        bytes: this.#bytes,
      },
      cname,
    );
  }

  /** The very same bytes: another header under the same number would weaken the encryption. */
  #repeat({ header, payload }: SentPacket): number | undefined {
    // werift's SRTP counts wraps of the number by what it encrypted last.
    if (header.sequenceNumber > this.#sequence) return undefined;
    return this.#parts.transport.sendRtp(payload, header);
  }

  #wrap({ header, payload }: SentPacket, ssrc: number, now: Millis): number {
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    const wrapped = new Uint8Array(payload.length + 2);
    wrapped[0] = header.sequenceNumber >> 8;
    wrapped[1] = header.sequenceNumber & 0xff;
    wrapped.set(payload, 2);
    const again = new RtpHeader({
      ssrc,
      payloadType: this.#media.rtx ?? 0,
      sequenceNumber: this.#rtxSequence,
      timestamp: header.timestamp,
      marker: header.marker,
      extensions: this.#extensions(wrapped.length + OVERHEAD, now),
    });
    return this.#parts.transport.sendRtp(wrapped, again);
  }

  #extensions(bytes: number, now: Millis): { id: number; payload: Buffer }[] {
    const { sendTime, transportSequence } = this.#media.extensions;
    const extensions = [...this.#fixed];
    if (sendTime !== undefined) {
      const payload = Buffer.alloc(3);
      payload.writeUIntBE(absSendTime(this.#parts.ntp.seconds(now)), 0, 3);
      extensions.push({ id: sendTime, payload });
    }
    if (transportSequence !== undefined) {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(this.#parts.log.number(now, bytes), 0);
      extensions.push({ id: transportSequence, payload });
    }
    return extensions;
  }
}

function fixedExtensions(
  { kind, mid, extensions }: AgreedMedia,
  mostDelay: Millis,
): { readonly id: number; readonly payload: Buffer }[] {
  const fixed = [];
  if (extensions.mid !== undefined && mid !== "") {
    fixed.push({ id: extensions.mid, payload: Buffer.from(mid, "utf8").subarray(0, 16) });
  }
  if (extensions.playoutDelay !== undefined && kind === "video") {
    const payload = Buffer.alloc(3);
    // Twelve bits for the least delay, which is none, and twelve for the most.
    payload.writeUIntBE(Math.round(mostDelay / DELAY_TICK), 0, 3);
    fixed.push({ id: extensions.playoutDelay, payload });
  }
  return fixed;
}
