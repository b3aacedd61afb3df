/** VP8 as RTP payloads, and back: RFC 7741, with 15-bit picture ids and no layers. */

/** Bits of the payload descriptor, RFC 7741, section 4.2. */
const EXTENDED = 0x80;
const BEGINS = 0x10;
const PARTITION = 0x07;
const HAS_PICTURE_ID = 0x80;
const HAS_TL0 = 0x40;
const HAS_TID = 0x20;
const HAS_KEY_INDEX = 0x10;
const LONG_ID = 0x80;

const DESCRIPTOR = 4;
/** Picture ids are modulo this. */
export const PICTURE_IDS = 1 << 15;

/**
 * The RTP payloads of one frame, in order; the last one carries the marker bit. They share one buffer.
 *
 * `pictureId` counts the frames sent, modulo `PICTURE_IDS`; `most` is the most bytes of a payload.
 */
export function packetiseVp8(frame: Uint8Array, pictureId: number, most: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(frame.length / (most - DESCRIPTOR)));
  const step = Math.ceil(frame.length / count);
  const whole = new Uint8Array(frame.length + count * DESCRIPTOR);
  return Array.from({ length: count }, (_, i) => {
    const part = frame.subarray(i * step, (i + 1) * step);
    const from = i * (step + DESCRIPTOR);
    const payload = whole.subarray(from, from + DESCRIPTOR + part.length);
    payload[0] = EXTENDED | (i === 0 ? BEGINS : 0);
    payload[1] = HAS_PICTURE_ID;
    payload[2] = LONG_ID | (pictureId >> 8);
    payload[3] = pictureId & 0xff;
    payload.set(part, DESCRIPTOR);
    return payload;
  });
}

/** How long the descriptor of `payload` is; undefined when it is cut short. */
function descriptorLength(payload: Uint8Array): number | undefined {
  const first = payload[0] ?? 0;
  if ((first & EXTENDED) === 0) return 1;
  const flags = payload[1] ?? 0;
  let length = 2;
  if ((flags & HAS_PICTURE_ID) !== 0) length += ((payload[length] ?? 0) & LONG_ID) !== 0 ? 2 : 1;
  if ((flags & HAS_TL0) !== 0) length += 1;
  if ((flags & (HAS_TID | HAS_KEY_INDEX)) !== 0) length += 1;
  return length < payload.length ? length : undefined;
}

/**
 * One frame from its RTP payloads, all of them and in order.
 *
 * @returns undefined when they do not make a frame.
 */
export function assembleVp8(
  payloads: readonly Uint8Array[],
): { readonly key: boolean; readonly data: Uint8Array } | undefined {
  const parts: Uint8Array[] = [];
  for (const [i, payload] of payloads.entries()) {
    const first = payload[0] ?? 0;
    const begins = (first & BEGINS) !== 0 && (first & PARTITION) === 0;
    const length = descriptorLength(payload);
    if (length === undefined || begins !== (i === 0)) return undefined;
    parts.push(payload.subarray(length));
  }
  const data = new Uint8Array(Buffer.concat(parts));
  if (data.length === 0) return undefined;
  // RFC 6386, section 9.1: the lowest bit of a frame is clear in a key frame.
  return { key: ((data[0] ?? 1) & 1) === 0, data };
}
