/** H.264 as RTP payloads, and back: RFC 6184, packetisation mode 1. */

/** NAL unit types of ITU-T H.264, table 7-1, and of RFC 6184, table 1. */
const NAL = { slice: 1, key: 5, stapA: 24, fuA: 28 } as const;
const TYPE = 0x1f;
const START = 0x80;
const END = 0x40;
const START_CODE = Uint8Array.of(0, 0, 0, 1);
const MARK = Uint8Array.of(0, 0, 1);

/**
 * The NAL units of an Annex B byte stream, in place.
 *
 * Source: ITU-T H.264, annex B. Zero bytes in front of a start code belong to no unit.
 */
export function nalUnits(annexB: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(annexB.buffer, annexB.byteOffset, annexB.byteLength);
  const units: Uint8Array[] = [];
  let at = bytes.indexOf(MARK);
  while (at >= 0) {
    const from = at + MARK.length;
    at = bytes.indexOf(MARK, from);
    let to = at < 0 ? bytes.length : at;
    while (to > from && bytes[to - 1] === 0) to -= 1;
    if (to > from) units.push(annexB.subarray(from, to));
  }
  return units;
}

const typeOf = (unit: Uint8Array): number => (unit[0] ?? 0) & TYPE;
const isPicture = (unit: Uint8Array): boolean => {
  const type = typeOf(unit);
  return type >= NAL.slice && type <= NAL.key;
};

/**
 * The RTP payloads of one picture, in order; the last one carries the marker bit.
 *
 * What stands in front of the slices, such as parameter sets, shares a STAP-A where it fits; slices that
 * are too long become FU-A. `most` is the most bytes of a payload.
 */
export function packetiseH264(annexB: Uint8Array, most: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let together: Uint8Array[] = [];
  const flush = () => {
    payloads.push(...aggregated(together, most));
    together = [];
  };
  for (const unit of nalUnits(annexB)) {
    if (isPicture(unit)) {
      flush();
      payloads.push(...fragments(unit, most));
    } else {
      together.push(unit);
    }
  }
  flush();
  return payloads;
}

function aggregated(units: readonly Uint8Array[], most: number): Uint8Array[] {
  const size = units.reduce((sum, unit) => sum + 2 + unit.length, 1);
  if (units.length < 2 || size > most) return units.flatMap((unit) => fragments(unit, most));
  const payload = new Uint8Array(size);
  // The importance (NRI) of the whole is that of its most important unit.
  payload[0] = NAL.stapA | Math.max(...units.map((unit) => (unit[0] ?? 0) & 0x60));
  let at = 1;
  for (const unit of units) {
    payload[at] = unit.length >> 8;
    payload[at + 1] = unit.length & 0xff;
    payload.set(unit, at + 2);
    at += 2 + unit.length;
  }
  return [payload];
}

function fragments(unit: Uint8Array, most: number): Uint8Array[] {
  if (unit.length <= most) return [unit];
  const head = unit[0] ?? 0;
  const count = Math.ceil((unit.length - 1) / (most - 2));
  const step = Math.ceil((unit.length - 1) / count);
  return Array.from({ length: count }, (_, i) => {
    const part = unit.subarray(1 + i * step, 1 + (i + 1) * step);
    const payload = new Uint8Array(part.length + 2);
    payload[0] = (head & ~TYPE) | NAL.fuA;
    payload[1] = (head & TYPE) | (i === 0 ? START : 0) | (i === count - 1 ? END : 0);
    payload.set(part, 2);
    return payload;
  });
}

/**
 * One picture from its RTP payloads, all of them and in order, as Annex B.
 *
 * @returns undefined when they do not make a picture.
 */
export function assembleH264(
  payloads: readonly Uint8Array[],
): { readonly key: boolean; readonly data: Uint8Array } | undefined {
  const picture = new PictureAssembly();
  return payloads.every((payload) => picture.add(payload)) ? picture.finish() : undefined;
}

class PictureAssembly {
  readonly #parts: Uint8Array[] = [];
  #key = false;
  #isOpen = false;

  /** False when the payload cannot follow the one before. */
  add(payload: Uint8Array): boolean {
    const type = typeOf(payload);
    if (type === NAL.fuA) return this.#addFragment(payload);
    if (this.#isOpen || type === 0 || type > NAL.stapA) return false;
    const units = type === NAL.stapA ? separated(payload) : [payload];
    if (units === undefined) return false;
    for (const unit of units) {
      this.#begin(unit[0] ?? 0);
      this.#parts.push(unit);
    }
    return true;
  }

  finish(): { readonly key: boolean; readonly data: Uint8Array } | undefined {
    if (this.#isOpen || this.#parts.length === 0) return undefined;
    return { key: this.#key, data: joined(this.#parts) };
  }

  #addFragment(payload: Uint8Array): boolean {
    const [head = 0, flags] = payload;
    if (flags === undefined || ((flags & START) !== 0) === this.#isOpen) return false;
    if (!this.#isOpen) {
      const whole = (head & ~TYPE) | (flags & TYPE);
      this.#begin(whole);
      this.#parts.push(Uint8Array.of(whole));
    }
    this.#parts.push(payload.subarray(2));
    this.#isOpen = (flags & END) === 0;
    return true;
  }

  #begin(head: number): void {
    this.#key ||= (head & TYPE) === NAL.key;
    this.#parts.push(START_CODE);
  }
}

function separated(payload: Uint8Array): Uint8Array[] | undefined {
  const units: Uint8Array[] = [];
  let at = 1;
  while (at < payload.length) {
    const size = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
    if (size === 0 || at + 2 + size > payload.length) return undefined;
    units.push(payload.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return units;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
