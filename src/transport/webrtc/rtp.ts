/** RTP packets as bytes (RFC 3550, section 5.1). */

/** A packet, without what only the way needed. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly rtpTime: number;
  readonly ssrc: number;
  /** In place; empty for padding alone. */
  readonly payload: Uint8Array;
}

const HEADER = 12;

/** Read a packet. @returns undefined when it is none. */
export function readRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return undefined;
  let from = HEADER + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (from + 4 > bytes.length) return undefined;
    from += 4 + 4 * view.getUint16(from + 2);
  }
  const padding = (first & 0x20) !== 0 ? view.getUint8(bytes.length - 1) : 0;
  const to = bytes.length - padding;
  if (to < from) return undefined;
  const second = view.getUint8(1);
  return {
    payloadType: second & 0x7f,
    marker: second >> 7 === 1,
    sequence: view.getUint16(2),
    rtpTime: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(from, to),
  };
}
