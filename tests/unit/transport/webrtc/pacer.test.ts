import { expect, it } from "vitest";
import { as, type Millis } from "../../../../src/core/units.ts";
import { Pacer } from "../../../../src/transport/webrtc/pacer.ts";

const ms = (value: number): Millis => as(value);
const picture = (packets: number, name = "picture") =>
  Array.from({ length: packets }, (_, i) => ({ size: 1_000, name: `${name} ${i}` }));

/** Everything that leaves until `end`, with its time. */
function drain(pacer: Pacer<{ size: number; name: string }>, end: number): [number, string][] {
  const left: [number, string][] = [];
  for (let now = 0; now <= end; now++) {
    for (let item = pacer.take(ms(now)); item !== undefined; item = pacer.take(ms(now))) {
      left.push([now, item.name]);
    }
  }
  return left;
}

it("lets a small picture leave at once", () => {
  const pacer = new Pacer<{ size: number; name: string }>(1_000_000, ms(0));
  pacer.pushVideo(picture(5), false);
  expect(drain(pacer, 0)).toHaveLength(5);
});

it("spreads a key picture at two and a half times the target", () => {
  const pacer = new Pacer<{ size: number; name: string }>(1_000_000, ms(0));
  pacer.pushVideo(picture(60), true);
  const left = drain(pacer, 400);
  expect(left).toHaveLength(60);
  // 40 ms worth at once, then 312.5 bytes a millisecond.
  expect(left.filter(([at]) => at === 0)).toHaveLength(13);
  const last = left.at(-1)?.[0] ?? 0;
  expect(last).toBeGreaterThan(140);
  expect(last).toBeLessThan(160);
});

it("sends sound first, whatever waits", () => {
  const pacer = new Pacer<{ size: number; name: string }>(1_000_000, ms(0));
  pacer.pushVideo(picture(60), true);
  drain(pacer, 0);
  pacer.pushSound({ size: 200, name: "sound" });
  expect(pacer.take(ms(0))?.name).toBe("sound");
});

it("drops all pictures that wait when they are too many, and no sound", () => {
  const pacer = new Pacer<{ size: number; name: string }>(400_000, ms(0));
  pacer.pushSound({ size: 200, name: "sound" });
  // A quarter of a second is 12,500 bytes.
  expect(pacer.pushVideo(picture(10), false)).toBe(true);
  expect(pacer.pushVideo(picture(10), false)).toBe(false);
  expect(pacer.queuedBytes).toBe(0);
  expect(drain(pacer, 100).map(([, name]) => name)).toEqual(["sound"]);
});

it("lets a key picture take what it needs, and pictures after it too", () => {
  const pacer = new Pacer<{ size: number; name: string }>(400_000, ms(0));
  expect(pacer.pushVideo(picture(60, "key"), true)).toBe(true);
  expect(pacer.pushVideo(picture(12), false)).toBe(true);
  expect(pacer.pushVideo(picture(12), false)).toBe(false);
});

it("says how long it will be", () => {
  const pacer = new Pacer<{ size: number; name: string }>(400_000, ms(0));
  expect(pacer.wait(ms(0))).toBeUndefined();
  pacer.pushVideo(picture(60), true);
  while (pacer.take(ms(0)) !== undefined);
  const wait = pacer.wait(ms(0)) ?? 0;
  expect(wait).toBeGreaterThan(0);
  expect(pacer.take(ms(wait + 0.01))).toBeDefined();
});

it("lets no picture leave while it holds them, but sound, and then goes on", () => {
  const pacer = new Pacer<{ size: number; name: string }>(1_000_000, ms(0));
  pacer.hold(ms(100));
  pacer.pushVideo(picture(3), false);
  pacer.pushSound({ size: 100, name: "sound" });
  const left = drain(pacer, 200);
  expect(left[0]).toEqual([0, "sound"]);
  expect(left.slice(1).every(([at]) => at >= 100 && at < 110)).toBe(true);
  expect(left).toHaveLength(4);
});

it("sends little faster than the target where that is all the network takes", () => {
  const pacer = new Pacer<{ size: number; name: string }>(1_000_000, ms(0));
  pacer.isNarrow = true;
  pacer.pushVideo(picture(60), true);
  const last = drain(pacer, 1_000).at(-1)?.[0] ?? 0;
  expect(last).toBeGreaterThan(380);
  expect(last).toBeLessThan(440);
});
