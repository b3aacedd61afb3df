/** RTCP as bytes (RFC 3550, RFC 4585, RFC 5104): what is read of it, and what is written. */

import { ntpWords } from "./ntp.ts";
import { readTransportFeedback, type TransportFeedback } from "./transport-feedback.ts";

/** Packet types, RFC 3550, section 12.1, and RFC 4585, section 6.1. */
const TYPE = {
  sender: 200,
  receiver: 201,
  description: 202,
  bye: 203,
  transport: 205,
  payload: 206,
};
/** Formats of the two kinds of feedback. */
const FORMAT = { nack: 1, transport: 15, pli: 1, fir: 4, application: 15 };
const REMB = 0x52454d42;
const VERSION = 0x80;
const CNAME = 1;

/** What one receiver says of one stream. */
export interface ReportBlock {
  readonly ssrc: number;
  /** Share of packets lost since the report before, in [0, 1]. */
  readonly loss: number;
  /** Middle bits of the newest sender report that arrived; 0 when none did. */
  readonly lastReport: number;
  /** Units of 1/65536 s that have passed since then. */
  readonly sinceReport: number;
}

/** A message of RTCP that matters here. */
export type Rtcp =
  | { readonly kind: "report"; readonly blocks: readonly ReportBlock[] }
  | { readonly kind: "sender"; readonly ssrc: number; readonly ntpMiddle: number }
  | { readonly kind: "nack"; readonly ssrc: number; readonly sequences: readonly number[] }
  | { readonly kind: "keyframe"; readonly reason: "pli" | "fir" }
  | { readonly kind: "remb"; readonly bitrate: number }
  | { readonly kind: "transport"; readonly feedback: TransportFeedback }
  | { readonly kind: "bye" };

/** Read a compound packet. What is unknown or broken is left out. */
export function readRtcp(bytes: Uint8Array): Rtcp[] {
  const found: Rtcp[] = [];
  let rest = bytes;
  while (rest.length >= 4) {
    const view = viewOf(rest);
    const size = 4 * (view.getUint16(2) + 1);
    if (view.getUint8(0) >> 6 !== 2 || size > rest.length) break;
    found.push(...readOne(rest.subarray(0, size)));
    rest = rest.subarray(size);
  }
  return found;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function readOne(packet: Uint8Array): Rtcp[] {
  const view = viewOf(packet);
  const count = view.getUint8(0) & 0x1f;
  switch (view.getUint8(1)) {
    case TYPE.sender:
      return packet.length < 28
        ? []
        : [
            {
              kind: "sender",
              ssrc: view.getUint32(4),
              ntpMiddle: ((view.getUint16(10) << 16) | view.getUint16(12)) >>> 0,
            },
            { kind: "report", blocks: blocks(view, 28, count) },
          ];
    case TYPE.receiver:
      return [{ kind: "report", blocks: blocks(view, 8, count) }];
    case TYPE.bye:
      return [{ kind: "bye" }];
    case TYPE.transport:
      return transportFeedback(packet, count);
    case TYPE.payload:
      return payloadFeedback(view, count);
    default:
      return [];
  }
}

function blocks(view: DataView, from: number, count: number): ReportBlock[] {
  const found: ReportBlock[] = [];
  for (let at = from; found.length < count && at + 24 <= view.byteLength; at += 24) {
    found.push({
      ssrc: view.getUint32(at),
      loss: view.getUint8(at + 4) / 256,
      lastReport: view.getUint32(at + 16),
      sinceReport: view.getUint32(at + 20),
    });
  }
  return found;
}

function transportFeedback(packet: Uint8Array, format: number): Rtcp[] {
  if (packet.length < 12) return [];
  if (format === FORMAT.nack) {
    const view = viewOf(packet);
    const sequences: number[] = [];
    for (let at = 12; at + 4 <= packet.length; at += 4) {
      const first = view.getUint16(at);
      const following = view.getUint16(at + 2);
      sequences.push(first);
      for (let bit = 0; bit < 16; bit++) {
        if ((following >> bit) & 1) sequences.push((first + bit + 1) & 0xffff);
      }
    }
    return [{ kind: "nack", ssrc: view.getUint32(8), sequences }];
  }
  if (format !== FORMAT.transport) return [];
  const feedback = readTransportFeedback(packet);
  return feedback === undefined ? [] : [{ kind: "transport", feedback }];
}

function payloadFeedback(view: DataView, format: number): Rtcp[] {
  if (view.byteLength < 12) return [];
  if (format === FORMAT.pli) return [{ kind: "keyframe", reason: "pli" }];
  if (format === FORMAT.fir) return [{ kind: "keyframe", reason: "fir" }];
  const isRemb =
    format === FORMAT.application && view.byteLength >= 20 && view.getUint32(12) === REMB;
  if (!isRemb) return [];
  const exponent = view.getUint8(17) >> 2;
  const mantissa = ((view.getUint8(17) & 3) << 16) | view.getUint16(18);
  return [{ kind: "remb", bitrate: mantissa * 2 ** exponent }];
}

/** A stream's sender report. */
export interface SenderReport {
  readonly ssrc: number;
  /** NTP seconds, and the stream's RTP time at the same instant. */
  readonly ntp: number;
  readonly rtpTime: number;
  readonly packets: number;
  readonly bytes: number;
}

/** A sender report and who sends it (RFC 3550, sections 6.4.1 and 6.5). */
export function writeSenderReport(report: SenderReport, cname: string): Buffer {
  const packet = Buffer.alloc(28);
  head(packet, 0, TYPE.sender);
  const [whole, fraction] = ntpWords(report.ntp);
  const words = [report.ssrc, whole, fraction, report.rtpTime, report.packets, report.bytes];
  for (const [i, word] of words.entries()) packet.writeUInt32BE(word % 2 ** 32, 4 + 4 * i);
  return Buffer.concat([packet, description(report.ssrc, cname)]);
}

function head(packet: Buffer, count: number, type: number): void {
  packet[0] = VERSION | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

function description(ssrc: number, cname: string): Buffer {
  const text = Buffer.from(cname, "utf8").subarray(0, 255);
  // At least one zero byte ends the list of items; the whole fills words.
  const packet = Buffer.alloc(8 + 4 * Math.ceil((2 + text.length + 1) / 4));
  head(packet, 1, TYPE.description);
  packet.writeUInt32BE(ssrc, 4);
  packet[8] = CNAME;
  packet[9] = text.length;
  text.copy(packet, 10);
  return packet;
}

/** What a receiver reports of a stream it gets. */
export interface Reception {
  readonly ssrc: number;
  /** Share lost since the report before, in [0, 1]. */
  readonly loss: number;
  readonly lost: number;
  /** Highest sequence number with the count of its wraps above it. */
  readonly highest: number;
  readonly jitter: number;
  readonly lastReport: number;
  readonly sinceReport: number;
}

/** A receiver report and who sends it (RFC 3550, section 6.4.2). */
export function writeReceiverReport(
  ssrc: number,
  receptions: readonly Reception[],
  cname: string,
): Buffer {
  const packet = Buffer.alloc(8 + 24 * receptions.length);
  head(packet, receptions.length, TYPE.receiver);
  packet.writeUInt32BE(ssrc, 4);
  for (const [i, reception] of receptions.entries()) {
    const at = 8 + 24 * i;
    packet.writeUInt32BE(reception.ssrc, at);
    packet[at + 4] = Math.min(255, Math.floor(reception.loss * 256));
    packet.writeUIntBE(Math.min(Math.max(0, reception.lost), 0x7f_ffff), at + 5, 3);
    packet.writeUInt32BE(reception.highest % 2 ** 32, at + 8);
    packet.writeUInt32BE(Math.floor(reception.jitter) % 2 ** 32, at + 12);
    packet.writeUInt32BE(reception.lastReport, at + 16);
    packet.writeUInt32BE(Math.floor(reception.sinceReport) % 2 ** 32, at + 20);
  }
  return Buffer.concat([packet, description(ssrc, cname)]);
}

function feedback(type: number, format: number, from: number, about: number, body: Buffer): Buffer {
  const packet = Buffer.alloc(12 + body.length);
  head(packet, format, type);
  packet.writeUInt32BE(from, 4);
  packet.writeUInt32BE(about, 8);
  body.copy(packet, 12);
  return packet;
}

/** Ask for a key picture (RFC 4585, section 6.3.1). */
export const writePli = (from: number, about: number): Buffer =>
  feedback(TYPE.payload, FORMAT.pli, from, about, Buffer.alloc(0));

/** Ask for packets again (RFC 4585, section 6.2.1). Shapes: `sequences` ascending in their circle. */
export function writeNack(from: number, about: number, sequences: readonly number[]): Buffer {
  const entries: [number, number][] = [];
  for (const sequence of sequences) {
    const last = entries.at(-1);
    const distance = last === undefined ? 0 : (sequence - last[0]) & 0xffff;
    if (last !== undefined && distance >= 1 && distance <= 16) last[1] |= 1 << (distance - 1);
    else entries.push([sequence, 0]);
  }
  const body = Buffer.alloc(4 * entries.length);
  for (const [i, [first, following]] of entries.entries()) {
    body.writeUInt16BE(first, 4 * i);
    body.writeUInt16BE(following, 4 * i + 2);
  }
  return feedback(TYPE.transport, FORMAT.nack, from, about, body);
}

/** Tell the sender of `about` how many bit/s may come (draft-alvestrand-rmcat-remb-03). */
export function writeRemb(from: number, about: readonly number[], bitrate: number): Buffer {
  const exponent = Math.max(0, Math.ceil(Math.log2(Math.max(1, bitrate) / 2 ** 18)));
  const mantissa = Math.min(2 ** 18 - 1, Math.floor(bitrate / 2 ** exponent));
  const body = Buffer.alloc(8 + 4 * about.length);
  body.writeUInt32BE(REMB, 0);
  body[4] = about.length;
  body[5] = (exponent << 2) | (mantissa >> 16);
  body.writeUInt16BE(mantissa & 0xffff, 6);
  for (const [i, ssrc] of about.entries()) body.writeUInt32BE(ssrc, 8 + 4 * i);
  return feedback(TYPE.payload, FORMAT.application, from, 0, body);
}
