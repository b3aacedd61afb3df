import { afterEach, describe, expect, it } from "vitest";
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

  it("begins in the middle of a session on the same grid", async () => {
    const packets = await track.encode({ firstFrame: 100, frames: 1 }, "test");
    expect(packets.map(({ pts }) => pts)).toEqual([3_340_000, 3_360_000]);
  });
});
