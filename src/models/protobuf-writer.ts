/** The other half of `protobuf.ts`: makes messages of varints, texts and other messages. */

/** A field to write: its tag, and a whole number below 2^53, a text or the bytes of a message. */
export type FieldToWrite = readonly [tag: number, value: number | string | Uint8Array];

const VARINT = 0;
const BYTES = 2;

/** The bytes of a message with these fields in this order. Owns: the caller's. */
export function message(...fields: readonly FieldToWrite[]): Uint8Array {
  const bytes: number[] = [];
  for (const [tag, value] of fields) {
    if (typeof value === "number") {
      bytes.push(...varint(tag * 8 + VARINT), ...varint(value));
      continue;
    }
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    bytes.push(...varint(tag * 8 + BYTES), ...varint(content.length), ...content);
  }
  return Uint8Array.from(bytes);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}
