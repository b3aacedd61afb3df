import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import { as } from "../../../src/core/units.ts";
import {
  decodeMediaFrame,
  encodeMediaFrame,
  MEDIA_HEADER_BYTES,
  type MediaHeader,
} from "../../../src/protocol/media-frame.ts";

const u32 = fc.nat(0xffff_ffff);
const safe = fc.maxSafeNat();
const header: fc.Arbitrary<MediaHeader> = fc.record({
  kind: fc.constantFrom("video", "audio"),
  codec: fc.constantFrom("h264", "vp8", "rgb"),
  key: fc.boolean(),
  discardable: fc.boolean(),
  endOfBlock: fc.boolean(),
  rendition: fc.nat(0xffff),
  sequence: u32,
  pts: safe.map((value) => as<MediaHeader["pts"]>(value)),
  duration: u32.map((value) => as<MediaHeader["duration"]>(value)),
  epoch: u32,
  frame: safe.map((value) => as<MediaHeader["frame"]>(value)),
  block: safe.map((value) => as<MediaHeader["block"]>(value)),
});

test("what was encoded is what is decoded", () => {
  fc.assert(
    fc.property(header, fc.uint8Array(), (given, payload) => {
      const decoded = decodeMediaFrame(encodeMediaFrame(given, payload));

      expect(decoded.header).toEqual(given);
      expect(decoded.payload).toEqual(payload);
    }),
  );
});

test("a million hours of frames still have numbers of their own", () => {
  const late = as<MediaHeader["frame"]>(30 * 3600 * 1_000_000);
  const given = fc.sample(header, 1)[0] as MediaHeader;

  const { header: decoded } = decodeMediaFrame(
    encodeMediaFrame({ ...given, frame: late }, new Uint8Array(1)),
  );

  expect(decoded.frame).toBe(late);
});

test("the bytes lie where docs/protocol.md says", () => {
  const message = encodeMediaFrame(
    {
      kind: "video",
      codec: "vp8",
      key: true,
      discardable: false,
      endOfBlock: true,
      rendition: 0x0102,
      sequence: 0x03040506,
      pts: as(0x0708090a0b),
      duration: as(33_333),
      epoch: 9,
      frame: as(7),
      block: as(3),
    },
    Uint8Array.of(0xaa),
  );

  expect(Buffer.from(message).toString("hex")).toBe(
    "4f5a01010205020106050403010000000b0a0908070000003582000009000000" +
      "07000000000000000300000000000000aa",
  );
});

test("bytes that are no media message are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => decodeMediaFrame(bytes)).toThrow(StreamError);
    }),
  );
});

test("a message that was cut or padded is refused", () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ minLength: 1 }), fc.nat(), (given, payload, cut) => {
      const message = encodeMediaFrame(given, payload);
      const length = cut % message.length;

      expect(() => decodeMediaFrame(message.subarray(0, length))).toThrow(/not a media message/);
      expect(() => decodeMediaFrame(Buffer.concat([message, Buffer.of(0)]))).toThrow(
        /wrong payload length/,
      );
    }),
  );
  expect(MEDIA_HEADER_BYTES).toBe(48);
});
