import { describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import { Renditions } from "../../../src/stream/renditions.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const BITRATE = as<never>(1_000_000);

describe("renditions", () => {
  it("are one for all who want the same codec and bitrate", () => {
    const renditions = new Renditions(new ManualClock());
    const one = renditions.hold("h264", BITRATE);
    const same = renditions.hold("h264", BITRATE);
    const other = renditions.hold("vp8", BITRATE);

    expect(same.options).toBe(one.options);
    expect(renditions.active).toEqual([one.options, other.options]);
  });

  it("last until the last viewer left, who may say so twice", () => {
    const renditions = new Renditions(new ManualClock());
    const [one, two] = [renditions.hold("h264", BITRATE), renditions.hold("h264", BITRATE)];

    one.release();
    one.release();
    expect(renditions.active).toHaveLength(1);
    two.release();
    expect(renditions.active).toEqual([]);
  });

  it("get another id when they are made anew, so that no old encoder goes on", () => {
    const renditions = new Renditions(new ManualClock());
    const first = renditions.hold("h264", BITRATE);
    first.release();

    expect(renditions.hold("h264", BITRATE).options.id).not.toBe(first.options.id);
  });

  it("begin with a key packet, and give one for many wishes", () => {
    const renditions = new Renditions(new ManualClock());
    const hold = renditions.hold("h264", BITRATE);
    expect(renditions.takeKeyframes()).toEqual([hold.options.id]);
    expect(renditions.takeKeyframes()).toEqual([]);
  });

  it("spread key packets however often they are wished for", async () => {
    const clock = new ManualClock();
    const renditions = new Renditions(clock);
    const hold = renditions.hold("h264", BITRATE);
    let keys = 0;
    for (let i = 0; i < 100; i++) {
      hold.requestKeyframe();
      keys += renditions.takeKeyframes().length;
      await clock.advance(30);
    }

    expect(keys).toBe(10);
  });

  it("answer a wish that came too early later", async () => {
    const clock = new ManualClock();
    const renditions = new Renditions(clock);
    const hold = renditions.hold("h264", BITRATE);
    renditions.takeKeyframes();
    hold.requestKeyframe();
    await clock.advance(299);
    expect(renditions.takeKeyframes()).toEqual([]);
    await clock.advance(1);
    expect(renditions.takeKeyframes()).toEqual([hold.options.id]);
  });
});
