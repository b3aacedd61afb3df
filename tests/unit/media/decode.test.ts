import { expect, onTestFinished, test } from "vitest";
import { as } from "../../../src/core/units.ts";
import { cover } from "../../../src/media/codecs/cover.ts";
import { openPictureDecoder, openSoundDecoder } from "../../../src/media/codecs/decode.ts";
import { openEncoder, openSoundEncoder } from "../../../src/media/codecs/open.ts";
import { codedSize } from "../../../src/media/encoder.ts";
import { testSignal } from "../../../src/media/sound/test-signal.ts";
import { PACKET_SAMPLES } from "../../../src/media/sound-encoder.ts";

type Codec = "h264" | "vp8";

/** A picture whose middle third is green, the rest red; as a key packet. */
async function packetOf(codec: Codec, width: number, height: number): Promise<Uint8Array> {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const isMiddle = Math.floor((3 * (i % width)) / width) === 1;
    rgb[i * 3 + (isMiddle ? 1 : 0)] = 255;
  }
  const encoder = await openEncoder({ codec, width, height, frameRate: 30, bitrate: as(2e6) });
  const { data } = await encoder.encode(rgb, as(0), { key: true });
  encoder.close();
  return data;
}

const decoderOf = async (codec: Codec) => {
  const decoder = await openPictureDecoder(codec, { width: 32, height: 32 });
  onTestFinished(() => decoder.close());
  return decoder;
};

test.each(["h264", "vp8"] as const)(
  "%s: the middle of the picture is what is wanted",
  async (codec) => {
    const decoder = await decoderOf(codec);

    const picture = await decoder.decode(await packetOf(codec, 192, 64));

    expect(picture?.source).toEqual(codedSize(codec, { width: 192, height: 64 }));
    const rgb = picture?.rgb ?? new Uint8Array();
    expect(rgb).toHaveLength(32 * 32 * 3);
    const greens = Array.from({ length: 32 }, (_, x) => rgb[(16 * 32 + x) * 3 + 1] ?? 0);
    expect(greens.slice(2, -2).every((green) => green > 120)).toBe(true);
  },
);

test.each(["h264", "vp8"] as const)(
  "%s: pictures that are too large or broken are refused",
  async (codec) => {
    const decoder = await decoderOf(codec);
    const good = await packetOf(codec, 64, 64);

    const refused = { code: "bad_upload" };
    await expect(decoder.decode(await packetOf(codec, 2560, 1440))).rejects.toMatchObject(refused);
    await expect(decoder.decode(await packetOf(codec, 2048, 64))).rejects.toMatchObject(refused);
    await expect(decoder.decode(new Uint8Array(100).fill(7))).rejects.toMatchObject(refused);
    await expect(decoder.decode(new Uint8Array())).rejects.toMatchObject(refused);
    await expect(decoder.decode(new Uint8Array(5_000_001))).rejects.toMatchObject(refused);
    const fresh = await decoderOf(codec);
    expect((await fresh.decode(good))?.source).toEqual(codedSize(codec, { width: 64, height: 64 }));
  },
);

test("pictures may change their size", async () => {
  const decoder = await decoderOf("vp8");

  for (const [width, height] of [
    [64, 64],
    [1920, 1080],
    [48, 96],
  ] as const) {
    const picture = await decoder.decode(await packetOf("vp8", width, height));
    expect(picture?.source).toEqual(codedSize("vp8", { width, height }));
  }
});

test.each([
  [
    { width: 640, height: 480 },
    { width: 256, height: 256 },
    { width: 342, height: 256 },
  ],
  [
    { width: 480, height: 640 },
    { width: 256, height: 256 },
    { width: 256, height: 342 },
  ],
  [
    { width: 16, height: 16 },
    { width: 33, height: 31 },
    { width: 34, height: 34 },
  ],
])("%o covers %o as %o", (source, wanted, size) => {
  expect(cover(source, wanted)).toEqual(size);
});

test("sound comes back as it was, and broken packets are refused", async () => {
  const encoder = await openSoundEncoder();
  const decoder = openSoundDecoder();
  onTestFinished(() => {
    encoder.close();
    decoder.close();
  });
  const heard: number[] = [];
  for (let i = 0; i < 10; i++) {
    heard.push(
      ...decoder.decode(encoder.encode(testSignal(i * PACKET_SAMPLES, PACKET_SAMPLES, 30))),
    );
  }

  expect(heard).toHaveLength(10 * PACKET_SAMPLES);
  const peak = Math.max(...heard);
  expect(peak).toBeGreaterThan(0.5);
  expect(peak).toBeLessThan(1.1);
  for (const broken of [new Uint8Array(), new Uint8Array(100).fill(255), new Uint8Array(9_000)]) {
    expect(() => decoder.decode(broken)).toThrow();
  }
});
