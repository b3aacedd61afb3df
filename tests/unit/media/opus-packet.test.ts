import { expect, test } from "vitest";
import { opusSamples } from "../../../src/media/codecs/opus-packet.ts";

/** The first byte of a packet: its configuration and its code. */
const toc = (configuration: number, code: number): number => (configuration << 3) | code;

// RFC 6716, table 2.
test.each([
  [0, 10],
  [1, 20],
  [2, 40],
  [3, 60],
  [11, 60],
  [12, 10],
  [15, 20],
  [16, 2.5],
  [17, 5],
  [30, 10],
  [31, 20],
])("a frame of configuration %i lasts %d ms", (configuration, ms) => {
  expect(opusSamples(Uint8Array.of(toc(configuration, 0), 9, 9))).toBe(ms * 48);
});

test("a packet has one frame, two of them, or as many as its second byte says", () => {
  const framesOf = (...bytes: number[]) => opusSamples(Uint8Array.from(bytes)) / 960;
  expect(framesOf(toc(31, 0))).toBe(1);
  expect(framesOf(toc(31, 1))).toBe(2);
  expect(framesOf(toc(31, 2))).toBe(2);
  expect(framesOf(toc(31, 3), 6)).toBe(6);
  // The two highest bits of the count are of something else.
  expect(framesOf(toc(31, 3), 0b1100_0110)).toBe(6);
});

test("a packet that does not say how long it is lasts no time", () => {
  expect(opusSamples(new Uint8Array())).toBe(0);
  expect(opusSamples(Uint8Array.of(toc(31, 3)))).toBe(0);
  expect(opusSamples(Uint8Array.of(toc(31, 3), 0))).toBe(0);
});
