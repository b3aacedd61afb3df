import fc from "fast-check";
import { expect, it } from "vitest";
import { assembleVp8, PICTURE_IDS, packetiseVp8 } from "../../../../src/transport/webrtc/vp8.ts";

it("describes each payload: where the frame begins, and a picture id of 15 bits", () => {
  const payloads = packetiseVp8(Uint8Array.of(1, 2, 3, 4), 0x1234, 6);
  // RFC 7741, section 4.2: X and S, then I, then the long id.
  expect(payloads.map((payload) => [...payload])).toEqual([
    [0x90, 0x80, 0x92, 0x34, 1, 2],
    [0x80, 0x80, 0x92, 0x34, 3, 4],
  ]);
});

it("gives back every frame as it was", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 3000 }),
      fc.integer({ min: 0, max: PICTURE_IDS - 1 }),
      fc.integer({ min: 20, max: 1200 }),
      (frame, id, most) => {
        const payloads = packetiseVp8(frame, id, most);
        expect(payloads.every((payload) => payload.length <= most)).toBe(true);
        expect(assembleVp8(payloads)?.data).toEqual(frame);
      },
    ),
  );
});

it("tells key frames by the first bit of the frame", () => {
  expect(assembleVp8(packetiseVp8(Uint8Array.of(0x10, 1), 1, 100))?.key).toBe(true);
  expect(assembleVp8(packetiseVp8(Uint8Array.of(0x11, 1), 1, 100))?.key).toBe(false);
});

it("reads descriptors with layers, and without anything", () => {
  expect(assembleVp8([Uint8Array.of(0x90, 0xf0, 0x7f, 5, 6, 0x10, 9)])?.data).toEqual(
    Uint8Array.of(0x10, 9),
  );
  expect(assembleVp8([Uint8Array.of(0x10, 0x10, 9)])?.data).toEqual(Uint8Array.of(0x10, 9));
});

it("makes no frame without its beginning, or of rubbish", () => {
  const [, second = Uint8Array.of(0)] = packetiseVp8(Uint8Array.of(1, 2, 3, 4), 1, 6);
  expect(assembleVp8([second])).toBeUndefined();
  expect(assembleVp8([])).toBeUndefined();
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }), (payloads) => {
      assembleVp8(payloads);
    }),
  );
});
