import fc from "fast-check";
import { expect, it } from "vitest";
import { assembleH264, nalUnits, packetiseH264 } from "../../../../src/transport/webrtc/h264.ts";

const MOST = 100;
const code = [0, 0, 0, 1];
const bytes = (...parts: readonly (readonly number[])[]) => Uint8Array.from(parts.flat());

it("finds units behind short and long start codes, without the zeros between them", () => {
  const stream = bytes([0, 0, 1, 0x67, 7], [0, 0, 0, 1, 0x68, 8, 0], [0, 0, 1, 0x65, 9]);
  expect(nalUnits(stream).map((unit) => [...unit])).toEqual([
    [0x67, 7],
    [0x68, 8],
    [0x65, 9],
  ]);
});

it("puts parameter sets into one aggregate, with the importance of the most important", () => {
  const payloads = packetiseH264(bytes(code, [0x67, 1, 2], code, [0x48, 3], code, [0x65, 4]), MOST);
  expect(payloads.map((payload) => [...payload])).toEqual([
    // RFC 6184, section 5.7.1: the header, then each unit behind its size.
    [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x48, 3],
    [0x65, 4],
  ]);
});

it("cuts a long slice into fragments that say where it begins and ends", () => {
  const slice = [0x65, ...Array.from({ length: 250 }, (_, i) => (i % 255) + 1)];
  const payloads = packetiseH264(bytes(code, slice), MOST);
  // RFC 6184, section 5.8: type 28 with the slice's importance; start, none, end, each with its type.
  expect(payloads.map((payload) => [payload[0], payload[1]])).toEqual([
    [0x7c, 0x85],
    [0x7c, 0x05],
    [0x7c, 0x45],
  ]);
});

const unit = (head: number) =>
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 400 })
    .map((body) => Uint8Array.of(head, ...body));

it("gives back every picture as it was, in payloads that fit", () => {
  const head = fc.constantFrom(0x41, 0x61, 0x65, 0x67, 0x68, 0x06, 0x09);
  const units = fc.array(head.chain(unit), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(units, fc.integer({ min: 10, max: 300 }), (all, most) => {
      const stream = bytes(...all.map((each) => [...code, ...each]));
      const payloads = packetiseH264(stream, most);
      expect(payloads.every((payload) => payload.length <= most)).toBe(true);
      const picture = assembleH264(payloads);
      expect(picture?.data).toEqual(stream);
      expect(picture?.key).toBe(all.some((each) => ((each[0] ?? 0) & 0x1f) === 5));
    }),
  );
});

it("makes no picture of fragments with a hole, or of rubbish", () => {
  const slice = bytes(
    code,
    [0x65],
    Array.from({ length: 300 }, () => 1),
  );
  const [first = slice, second = slice, ...others] = packetiseH264(slice, MOST);
  expect(assembleH264([second, ...others])).toBeUndefined();
  expect(assembleH264([first, second])).toBeUndefined();
  expect(assembleH264([])).toBeUndefined();
  expect(assembleH264([Uint8Array.of(0x78, 0, 9, 1)])).toBeUndefined();
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (payloads) => {
      assembleH264(payloads);
    }),
  );
});
