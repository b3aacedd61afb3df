import fc from "fast-check";
import { expect, it } from "vitest";
import { readTransportFeedback } from "../../../../src/transport/webrtc/transport-feedback.ts";

/** A message with these chunks and deltas; the header is that of the draft's section 3.1. */
function message(
  base: number,
  count: number,
  reference: number,
  { chunks, deltas }: { readonly chunks: readonly number[]; readonly deltas: readonly number[] },
): Uint8Array {
  const packet = Buffer.alloc(20);
  packet[0] = 0x8f;
  packet[1] = 205;
  packet.writeUInt16BE(base, 12);
  packet.writeUInt16BE(count, 14);
  packet.writeIntBE(reference, 16, 3);
  packet[19] = 7;
  const words = Buffer.alloc(2 * chunks.length);
  for (const [i, chunk] of chunks.entries()) words.writeUInt16BE(chunk, 2 * i);
  return Buffer.concat([packet, words, Buffer.from(deltas)]);
}

const times = (packet: Uint8Array) =>
  readTransportFeedback(packet)?.arrivals.map(({ sequence, at }) => [sequence, at]);

it("reads a run of packets that arrived", () => {
  const packet = message(0xffff, 3, 2, { chunks: [0x2003], deltas: [4, 8, 255] });
  expect(times(packet)).toEqual([
    [0xffff, 129],
    [0, 131],
    [1, 194.75],
  ]);
  expect(readTransportFeedback(packet)?.count).toBe(7);
});

it("reads a vector of one-bit symbols, with lost packets in it", () => {
  // 1, then 0 for one bit each, then 1 0 1 and eleven that are beyond the count.
  const packet = message(10, 3, 1, { chunks: [0b10_101_000_0000_0000], deltas: [0, 4] });
  expect(times(packet)).toEqual([
    [10, 64],
    [11, undefined],
    [12, 65],
  ]);
});

it("reads a vector of two-bit symbols with large and negative deltas", () => {
  const packet = message(1, 4, 1, {
    chunks: [0b11_01_10_00_10_00_00_00],
    deltas: [4, 0x10, 0x00, 0xff, 0xf0],
  });
  expect(times(packet)).toEqual([
    [1, 65],
    [2, 1089],
    [3, undefined],
    [4, 1085],
  ]);
});

it("goes on through chunks of both kinds, and takes a reference time below zero", () => {
  const packet = message(5, 9, -1, { chunks: [0x0007, 0b10_11_0000_0000_0000], deltas: [0, 0] });
  const arrived = times(packet)?.filter(([, at]) => at !== undefined);
  expect(arrived).toEqual([
    [12, -64],
    [13, -64],
  ]);
});

it("refuses what contradicts itself and survives rubbish", () => {
  expect(
    readTransportFeedback(message(1, 5, 0, { chunks: [0x2005], deltas: [1] })),
  ).toBeUndefined();
  expect(
    readTransportFeedback(message(1, 500, 0, { chunks: [0x2005], deltas: [] })),
  ).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readTransportFeedback(bytes);
    }),
  );
});
