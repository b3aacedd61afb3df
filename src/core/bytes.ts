/** Plain little-endian records, for state that is frozen and thawed. */

/** The typed arrays a record can hold. */
export type NumberArray = Float32Array | Float64Array | Uint32Array | Uint8Array;

/** Gathers typed arrays into one piece. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Append a copy of `array`'s bytes. */
  put(array: NumberArray): this {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  /** All that was put, in order. Owns: the caller's. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** Takes what a `ByteWriter` put, in the same order. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not yet taken. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next `length` bytes, in place. @throws {RangeError} when so many are not left. */
  take(length: number): Uint8Array {
    if (length < 0 || length > this.rest) {
      throw new RangeError(`${length} bytes wanted, ${this.rest} left`);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Fill `array` with the next bytes. @throws {RangeError} as `take`. */
  fill<T extends NumberArray>(array: T): T {
    const target = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    target.set(this.take(array.byteLength));
    return array;
  }
}
