import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as, type Millis } from "../../../../src/core/units.ts";
import { FrameAssembler } from "../../../../src/transport/webrtc/frame-assembler.ts";
import { packetiseH264 } from "../../../../src/transport/webrtc/h264.ts";
import { ReorderBuffer } from "../../../../src/transport/webrtc/reorder.ts";
import type { RtpPacket } from "../../../../src/transport/webrtc/rtp.ts";
import { readRtp } from "../../../../src/transport/webrtc/rtp.ts";

const ms = (value: number): Millis => as(value);

describe("the order of packets", () => {
  const drain = (buffer: ReorderBuffer<number>, now: number) => {
    const out: [number, boolean][] = [];
    for (let next = buffer.take(ms(now)); next !== undefined; next = buffer.take(ms(now))) {
      out.push([next.packet, next.afterLoss]);
    }
    return out;
  };

  it("is restored, whatever overtook whatever, over the wrap of the numbers", () => {
    const shuffled = fc.shuffledSubarray(
      Array.from({ length: 30 }, (_, i) => i),
      { minLength: 30, maxLength: 30 },
    );
    fc.assert(
      fc.property(shuffled, fc.nat(65_535), (order, base) => {
        const buffer = new ReorderBuffer<number>();
        buffer.push(base, -1, ms(0));
        const out = drain(buffer, 0);
        for (const i of order) {
          buffer.push((base + 1 + i) & 0xffff, i, ms(1));
          buffer.push((base + 1 + i) & 0xffff, i, ms(1));
          out.push(...drain(buffer, 1));
        }
        expect(out).toEqual(Array.from({ length: 31 }, (_, i) => [i - 1, false]));
      }),
    );
  });

  it("asks for what is missing, and gives it up after a while", () => {
    const buffer = new ReorderBuffer<number>();
    for (const number of [65_534, 1, 2]) buffer.push(number, number, ms(0));
    expect(drain(buffer, 0)).toEqual([[65_534, false]]);
    expect(buffer.missing(ms(5))).toEqual([]);
    expect(buffer.missing(ms(15))).toEqual([65_535, 0]);
    expect(buffer.missing(ms(30))).toEqual([]);
    buffer.push(65_535, 65_535, ms(40));
    expect(drain(buffer, 40)).toEqual([[65_535, false]]);
    expect(drain(buffer, 150)).toEqual([]);
    expect(drain(buffer, 300)).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  it("begins anew with a sender that does", () => {
    const buffer = new ReorderBuffer<number>();
    buffer.push(40_000, 1, ms(0));
    drain(buffer, 0);
    buffer.push(20_000, 2, ms(1));
    expect(drain(buffer, 1)).toEqual([[2, false]]);
  });
});

describe("pictures of packets", () => {
  const key = Uint8Array.of(0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, ...Array<number>(50).fill(7));
  const delta = Uint8Array.of(0, 0, 0, 1, 0x41, ...Array<number>(50).fill(9));
  const packets = (data: Uint8Array, rtpTime: number): RtpPacket[] =>
    packetiseH264(data, 20).map((payload, i, all) => ({
      payloadType: 96,
      marker: i === all.length - 1,
      sequence: 0,
      rtpTime,
      ssrc: 1,
      payload,
    }));

  it("come out whole, the first a key picture", () => {
    const assembler = new FrameAssembler("h264");
    const out = [...packets(delta, 1), ...packets(key, 2), ...packets(delta, 3)]
      .map((packet) => assembler.push(packet, false))
      .filter((each) => each !== undefined);
    expect(out).toEqual([
      "broken",
      { codec: "h264", key: true, rtpTime: 2, data: key },
      { codec: "h264", key: false, rtpTime: 3, data: delta },
    ]);
  });

  it("wait for a key picture after a loss", () => {
    const assembler = new FrameAssembler("h264");
    const push = (all: readonly RtpPacket[], lossAt = -1) =>
      all.map((packet, i) => assembler.push(packet, i === lossAt)).at(-1);
    push(packets(key, 1));
    expect(push(packets(delta, 2).slice(2), 0)).toBe("broken");
    expect(push(packets(delta, 3))).toBe("broken");
    expect(push(packets(key, 4))).toMatchObject({ key: true });
    // The last packet of a picture is missing.
    push(packets(delta, 5).slice(0, -1));
    expect(push(packets(delta, 6))).toBe("broken");
  });
});

describe("an RTP packet", () => {
  it("is read past its sources, extensions and padding", () => {
    const bytes = Buffer.from(
      "b1e00102" + "00000003" + "00000004" + "00000005" + "bede0001" + "10aa0000" + "0708" + "0002",
      "hex",
    );
    expect(readRtp(bytes)).toEqual({
      payloadType: 0x60,
      marker: true,
      sequence: 0x0102,
      rtpTime: 3,
      ssrc: 4,
      payload: Buffer.of(7, 8),
    });
  });

  it("is none when it is cut short, and rubbish harms nobody", () => {
    expect(readRtp(Buffer.from("90e001020000000300000004bede0001", "hex"))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        readRtp(bytes);
      }),
    );
  });
});
