import { afterEach, describe, expect, it } from "vitest";
import { openSoundDecoder } from "../../../../src/media/codecs/decode.ts";
import { openSoundEncoder } from "../../../../src/media/codecs/open.ts";
import { SoundTrack } from "../../../../src/stream/engine/sound-track.ts";

const track = new SoundTrack(30, openSoundEncoder);
afterEach(() => {
  track.close();
});

describe("a session's sound", () => {
  it("is nothing while the session is silent", async () => {
    expect(await track.encode({ firstFrame: 0, frames: 4 }, "none")).toEqual([]);
  });

  it("covers media time without a gap, however it is cut into blocks", async () => {
    const packets = [];
    let firstFrame = 0;
    for (const frames of [1, 2, 3, 1, 8, 15]) {
      packets.push(...(await track.encode({ firstFrame, frames }, "test")));
      firstFrame += frames;
    }
    expect(packets.map(({ pts }) => pts)).toEqual(Array.from({ length: 50 }, (_, i) => i * 20_000));
    expect(packets.every(({ data, duration }) => data.length > 20 && duration === 20_000)).toBe(
      true,
    );
  });

  it("is the same whenever it is made again", async () => {
    const make = async () => {
      const fresh = new SoundTrack(30, openSoundEncoder);
      const packets = await fresh.encode({ firstFrame: 7, frames: 6 }, "test");
      fresh.close();
      return packets;
    };
    expect(await make()).toEqual(await make());
  });

  it("is whoever speaks, heard where it was said", async () => {
    const speaking = new SoundTrack(25, openSoundEncoder);
    const decoder = openSoundDecoder();
    const heard: number[] = [];
    for (let block = 0; block < 4; block++) {
      // A click at the beginning of the second block.
      const voice = Float32Array.from({ length: 1280 }, (_, i) => (block === 1 && i < 32 ? 1 : 0));
      const span = { firstFrame: 2 * block, frames: 2 };
      const packets = await speaking.encode(span, "voice", voice);
      expect(packets.map(({ pts }) => pts)).toEqual(
        [0, 1, 2, 3].map((i) => (4 * block + i) * 20_000),
      );
      for (const { data } of packets) heard.push(...decoder.decode(data));
    }
    speaking.close();
    decoder.close();
    const loudest = heard.reduce((at, x, i) => (x > (heard[at] ?? 0) ? i : at), 0);
    const clicked = 80 * 48;
    // The click is 2 ms long; filters and codec may move it by 3 ms.
    expect(loudest).toBeGreaterThanOrEqual(clicked);
    expect(loudest).toBeLessThan(clicked + 5 * 48);
  });

  it("is nothing where there is no voice to be heard", async () => {
    expect(await track.encode({ firstFrame: 0, frames: 4 }, "voice")).toEqual([]);
  });

  it("begins in the middle of a session on the same grid", async () => {
    const packets = await track.encode({ firstFrame: 100, frames: 1 }, "test");
    expect(packets.map(({ pts }) => pts)).toEqual([3_340_000, 3_360_000]);
  });
});
