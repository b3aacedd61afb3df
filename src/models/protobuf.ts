/** Just enough of the protocol buffer wire format to walk a message (protobuf.dev/programming-guides/encoding). */

/** One field of a message; `number` for varints and fixed widths, bytes in place for everything else. */
export interface Field {
  readonly tag: number;
  readonly value: number | Uint8Array;
}

/** Bytes that are not a well-formed message. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const MOST_VARINT_BYTES = 10;

/**
 * Walk the fields of one message. Copies nothing.
 *
 * Units: varints above 2^53 lose precision; none that ONNX needs are that large.
 * @throws {MalformedMessage} where the bytes end early or a wire type is unknown.
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const cursor = new Cursor(message);
  while (!cursor.atEnd) {
    const key = cursor.varint();
    yield { tag: Math.floor(key / 8), value: cursor.value(key % 8) };
  }
}

/** The text of a field's bytes; empty for a number. */
export const textOf = (value: number | Uint8Array): string =>
  typeof value === "number" ? "" : new TextDecoder().decode(value);

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage("a varint does not end");
  }

  value(wire: number): number | Uint8Array {
    switch (wire) {
      case WIRE.varint:
        return this.varint();
      case WIRE.bytes:
        return this.#take(this.varint());
      case WIRE.fixed64:
        return this.#take(8);
      case WIRE.fixed32:
        return this.#take(4);
      default:
        throw new MalformedMessage(`wire type ${wire} is unknown`);
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new MalformedMessage("a field runs past the end");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
