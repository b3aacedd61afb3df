/** When which packet arrived: draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1. */

/** One packet that the sender numbered. */
export interface Arrival {
  /** The number that the packet carried. */
  readonly sequence: number;
  /** Milliseconds of the receiver's clock, from an arbitrary origin; absent when the packet did not arrive. */
  readonly at?: number;
}

/** One feedback message. */
export interface TransportFeedback {
  /** Counts the messages, modulo 256. */
  readonly count: number;
  /** Packets in the order of their numbers. */
  readonly arrivals: readonly Arrival[];
}

const HEADER = 20;
/** Symbols: what became of a packet, and how many bytes its delta has. */
const LOST = 0;
const SMALL = 1;
const LARGE = 2;
/** Milliseconds of a tick of the reference time, and of a delta. */
const REFERENCE_TICK = 64;
const DELTA_TICK = 0.25;

/**
 * Read a feedback message, the RTCP header included.
 *
 * @returns undefined when it contradicts itself.
 */
export function readTransportFeedback(packet: Uint8Array): TransportFeedback | undefined {
  if (packet.length < HEADER) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const base = view.getUint16(12);
  const expected = view.getUint16(14);
  const symbols: number[] = [];
  let at = HEADER;
  for (; symbols.length < expected; at += 2) {
    if (at + 2 > packet.length) return undefined;
    appendChunk(symbols, view.getUint16(at), expected);
  }
  // The reference time is signed, 24 bits.
  let time = ((view.getUint32(16) >> 8) | 0) * REFERENCE_TICK;
  const arrivals: Arrival[] = [];
  for (const [i, symbol] of symbols.entries()) {
    const sequence = (base + i) & 0xffff;
    if (symbol !== SMALL && symbol !== LARGE) {
      arrivals.push({ sequence });
      continue;
    }
    if (at + symbol > packet.length) return undefined;
    time += DELTA_TICK * (symbol === SMALL ? view.getUint8(at) : view.getInt16(at));
    at += symbol;
    arrivals.push({ sequence, at: time });
  }
  return { count: view.getUint8(19), arrivals };
}

/** A chunk is a run of one symbol, or a vector of 14 one-bit or 7 two-bit symbols. */
function appendChunk(symbols: number[], chunk: number, most: number): void {
  const room = most - symbols.length;
  if (chunk >> 15 === 0) {
    const length = Math.min(chunk & 0x1fff, room);
    for (let i = 0; i < length; i++) symbols.push((chunk >> 13) & 3);
    // An empty run would never come to an end.
    if (length === 0) symbols.push(LOST);
    return;
  }
  const [width, count] = (chunk >> 14) & 1 ? [2, 7] : [1, 14];
  for (let i = 1; i <= Math.min(count, room); i++) {
    symbols.push((chunk >> (14 - width * i)) & ((1 << width) - 1));
  }
}
