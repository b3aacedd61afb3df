import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readRtcp,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from "../../../../src/transport/webrtc/rtcp.ts";

describe("sender reports", () => {
  const report = { ssrc: 0x01020304, ntp: 3.5, rtpTime: 90_000, packets: 7, bytes: 2 ** 32 + 9 };

  it("have NTP time with its fraction, RTP time and counts in their places", () => {
    const packet = writeSenderReport(report, "cat");
    // RFC 3550, section 6.4.1.
    expect(packet.subarray(0, 28).toString("hex")).toBe(
      "80c80006" + "01020304" + "00000003" + "80000000" + "00015f90" + "00000007" + "00000009",
    );
    // Section 6.5: the name, ended by a zero byte, in whole words.
    expect(packet.subarray(28).toString("hex")).toBe("81ca0003" + "01020304" + "0103636174000000");
  });

  it("are read back by their middle bits", () => {
    expect(readRtcp(writeSenderReport(report, "cat"))).toContainEqual({
      kind: "sender",
      ssrc: 0x01020304,
      ntpMiddle: 0x00038000,
    });
  });
});

it("reads what a receiver reports", () => {
  const packet = writeReceiverReport(
    9,
    [
      {
        ssrc: 1,
        loss: 0.25,
        lost: 5,
        highest: 100,
        jitter: 3,
        lastReport: 0xfffffff0,
        sinceReport: 17,
      },
    ],
    "a",
  );
  expect(readRtcp(packet)).toContainEqual({
    kind: "report",
    blocks: [{ ssrc: 1, loss: 0.25, lastReport: 0xfffffff0, sinceReport: 17 }],
  });
});

it("reads a NACK with its bit mask, and writes the same", () => {
  const sequences = [65_534, 65_535, 0, 14, 40];
  const packet = writeNack(1, 2, sequences);
  // RFC 4585, section 6.2.1: a number and the sixteen after it.
  expect(packet.subarray(12).toString("hex")).toBe("fffe" + "8003" + "0028" + "0000");
  expect(readRtcp(packet)).toEqual([{ kind: "nack", ssrc: 2, sequences }]);
});

it("tells PLI and FIR", () => {
  const fir = Buffer.from("84ce0004" + "00000001" + "00000000" + "00000002" + "05000000", "hex");
  expect(readRtcp(Buffer.concat([writePli(1, 2), fir]))).toEqual([
    { kind: "keyframe", reason: "pli" },
    { kind: "keyframe", reason: "fir" },
  ]);
});

it("reads an estimate as it was written, to a part in a hundred thousand", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (bitrate) => {
      const [message] = readRtcp(writeRemb(1, [2, 3], bitrate));
      const read = message?.kind === "remb" ? message.bitrate : Number.NaN;
      expect(Math.abs(read - bitrate)).toBeLessThanOrEqual(bitrate * 1e-5);
    }),
  );
});

it("leaves out what is unknown or cut short, and survives rubbish", () => {
  const unknown = Buffer.from("80cf0001" + "00000001", "hex");
  expect(readRtcp(Buffer.concat([unknown, writePli(1, 2)]))).toHaveLength(1);
  expect(readRtcp(writePli(1, 2).subarray(0, 8))).toEqual([]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readRtcp(bytes);
    }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(200, 201, 205, 206),
      fc.integer({ min: 0, max: 31 }),
      fc.uint8Array({ minLength: 4, maxLength: 80 }),
      (type, count, body) => {
        const packet = Buffer.alloc(4 + 4 * Math.floor(body.length / 4));
        packet.set(body.subarray(0, packet.length - 4), 4);
        packet[0] = 0x80 | count;
        packet[1] = type;
        packet.writeUInt16BE(packet.length / 4 - 1, 2);
        readRtcp(packet);
      },
    ),
  );
});
