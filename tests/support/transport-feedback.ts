/** Writes what a viewer says of the packets it got: draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1. */

const TICK = 0.25;
const REFERENCE = 64;
const [LOST, LARGE] = [0, 2];
const SYMBOLS = 7;

/** A message about packets of successive numbers; `at` in milliseconds, undefined when lost. At least one arrived. */
export function feedbackMessage(
  arrivals: readonly { readonly sequence: number; readonly at: number | undefined }[],
): Buffer {
  const [first] = arrivals;
  const begun = arrivals.find(({ at }) => at !== undefined)?.at ?? 0;
  const reference = Math.floor(begun / REFERENCE);
  const chunks = Buffer.alloc(2 * Math.ceil(arrivals.length / SYMBOLS));
  const deltas: number[] = [];
  let ticks = (reference * REFERENCE) / TICK;
  for (const [i, { at }] of arrivals.entries()) {
    const chunk = 2 * Math.floor(i / SYMBOLS);
    const symbol = at === undefined ? LOST : LARGE;
    const shift = 2 * (SYMBOLS - 1 - (i % SYMBOLS));
    chunks.writeUInt16BE(0xc000 | chunks.readUInt16BE(chunk) | (symbol << shift), chunk);
    if (at === undefined) continue;
    const delta = Buffer.alloc(2);
    delta.writeInt16BE(Math.round(at / TICK) - ticks);
    ticks = Math.round(at / TICK);
    deltas.push(...delta);
  }
  const body = Buffer.concat([chunks, Buffer.from(deltas)]);
  const length = 4 * Math.ceil((20 + body.length) / 4);
  const packet = Buffer.alloc(length);
  packet[0] = 0x8f;
  packet[1] = 205;
  packet.writeUInt16BE(length / 4 - 1, 2);
  packet.writeUInt16BE(first?.sequence ?? 0, 12);
  packet.writeUInt16BE(arrivals.length, 14);
  packet.writeIntBE(reference, 16, 3);
  body.copy(packet, 20);
  return packet;
}
