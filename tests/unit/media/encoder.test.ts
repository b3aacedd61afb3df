import { describe, expect, it } from "vitest";
import { readMarker } from "../../../src/core/marker.ts";
import { as, frameTime } from "../../../src/core/units.ts";
import { openEncoder } from "../../../src/media/codecs/open.ts";
import {
  codecString,
  codedSize,
  type EncoderOptions,
  h264Level,
} from "../../../src/media/encoder.ts";
import { drawMarker } from "../../../src/media/marker.ts";
import { decodePictures } from "../../support/decoder.ts";
import { gradient, halved } from "../../support/pictures.ts";

const SIZE = { width: 128, height: 96 };
const options = (codec: EncoderOptions["codec"]): EncoderOptions => ({
  codec,
  ...SIZE,
  frameRate: 24,
  bitrate: as(1_500_000),
});

async function encode(
  codec: EncoderOptions["codec"],
  frames: number,
  keys: readonly number[] = [],
) {
  const encoder = await openEncoder(options(codec));
  const pictures = [];
  for (let frame = 0; frame < frames; frame++) {
    const rgb = gradient(SIZE, frame);
    drawMarker(rgb, SIZE, { frame, epoch: frame * 1000 });
    const wish = { key: keys.includes(frame) };
    pictures.push(await encoder.encode(rgb, frameTime(frame, 24), wish));
  }
  encoder.close();
  return pictures;
}

/** Decode packets of small pictures back to their own size. */
const decode = async (codec: "h264" | "vp8", packets: readonly { data: Uint8Array }[]) => {
  const coded = codedSize(codec, SIZE);
  const pictures = await decodePictures(
    codec,
    packets.map(({ data }) => data),
  );
  return pictures.map((rgb) => halved(rgb, coded));
};

// One suite for every codec, so that another one gets its tests for free.
describe.each(["h264", "vp8"] as const)("the %s encoder", (codec) => {
  it("gives one packet for each picture at once and keys only on demand", async () => {
    const packets = await encode(codec, 60, [7, 31]);

    expect(packets).toHaveLength(60);
    expect(packets.flatMap(({ key }, frame) => (key ? [frame] : []))).toEqual([0, 7, 31]);
  });

  it("lets a decoder begin at a key packet in the middle", async () => {
    const packets = await encode(codec, 20, [10]);

    const pictures = await decode(codec, packets.slice(10));

    expect(pictures).toHaveLength(10);
    expect(pictures.map((rgb) => readMarker(rgb, SIZE.width, 3)?.frame)).toEqual([
      10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    ]);
  });

  it("keeps markers readable", async () => {
    const packets = await encode(codec, 24);

    const pictures = await decode(codec, packets);

    const read = pictures.map((rgb) => readMarker(rgb, SIZE.width, 3));
    expect(read).toEqual(packets.map((_, frame) => ({ frame, epoch: frame * 1000 })));
  });

  it("keeps colours", async () => {
    const [decoded = new Uint8Array()] = await decode(codec, await encode(codec, 1));

    const original = gradient(SIZE, 0);
    const row = 64 * SIZE.width * 3;
    const errors = Array.from(original.subarray(row, row + 60), (value, i) =>
      Math.abs(value - (decoded[row + i] ?? 0)),
    );
    expect(Math.max(...errors)).toBeLessThan(20);
  });

  it("keeps the colour of a single pixel of a small picture, and the size of a large one", async () => {
    const encoder = await openEncoder(options(codec));
    const rgb = new Uint8Array(SIZE.width * SIZE.height * 3).fill(60);
    const lone = (64 * SIZE.width + 63) * 3;
    rgb.set([230, 40, 40], lone);
    const packet = await encoder.encode(rgb, as(0), { key: true });
    encoder.close();

    const [decoded = new Uint8Array()] = await decode(codec, [packet]);

    const [red = 0, green = 0, blue = 0] = decoded.subarray(lone, lone + 3);
    expect(red - green).toBeGreaterThan(120);
    expect(red - blue).toBeGreaterThan(120);
    expect(codedSize(codec, { width: 640, height: 360 })).toEqual({ width: 640, height: 360 });
  });

  it("takes large pictures with odd sides", async () => {
    const size = { width: 321, height: 241 };
    const encoder = await openEncoder({ ...options(codec), ...size });
    const rgb = gradient(size, 0);
    drawMarker(rgb, size, { frame: 5, epoch: 6 });
    const packet = await encoder.encode(rgb, as(0), { key: true });
    encoder.close();

    const [decoded = new Uint8Array()] = await decodePictures(codec, [packet.data]);

    expect(codedSize(codec, size)).toEqual({ width: 322, height: 242 });
    expect(decoded).toHaveLength(322 * 242 * 3);
    expect(readMarker(decoded, 322, 3)).toEqual({ frame: 5, epoch: 6 });
  });

  it("refuses a picture of another size with a coded error", async () => {
    const encoder = await openEncoder(options(codec));

    await expect(encoder.encode(new Uint8Array(10), as(0), { key: false })).rejects.toMatchObject({
      code: "encoder_failed",
    });
    encoder.close();
  });
});

describe("the raw encoder", () => {
  it("gives the picture itself, always as a key packet", async () => {
    const [first, second] = await encode("rgb", 2);

    expect(first?.data).toHaveLength(SIZE.width * SIZE.height * 3);
    expect([first?.key, second?.key]).toEqual([true, true]);
  });
});

describe("h264Level", () => {
  it("is the lowest row of table A-1 that admits the picture", () => {
    expect(h264Level(128, 128, 24)).toBe(31);
    expect(h264Level(1280, 720, 30)).toBe(31);
    expect(h264Level(1280, 720, 60)).toBe(40);
    expect(h264Level(3840, 2160, 30)).toBe(51);
  });

  it("is what the codec string says and what the encoder writes", async () => {
    const [packet] = await encode("h264", 1);
    const start = packet?.data.indexOf(0x67) ?? -1;

    expect([...(packet?.data.subarray(start + 1, start + 4) ?? [])]).toEqual([0x42, 0xc0, 31]);
    expect(codecString("h264", { ...SIZE, frameRate: 24 })).toBe("avc1.42C01F");
    expect(codecString("vp8", { ...SIZE, frameRate: 24 })).toBe("vp8");
  });
});

describe("pictures with odd sides", () => {
  it.each(["h264", "vp8"] as const)(
    "can be had in %s while they are small: they are doubled",
    async (codec) => {
      const size = { width: 33, height: 17 };
      const encoder = await openEncoder({ ...options(codec), ...size });
      const { key } = await encoder.encode(gradient(size, 0), as(0), { key: true });
      encoder.close();
      expect(key).toBe(true);
    },
  );
});
