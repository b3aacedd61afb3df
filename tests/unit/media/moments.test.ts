import fc from "fast-check";
import { expect, test } from "vitest";
import { as, frameTime } from "../../../src/core/units.ts";
import { Moments, type TimedPicture, type TimedSound } from "../../../src/media/moments.ts";

const RATE = 30;
const FIRST = 100;

const heard = (pts: number): TimedSound => ({
  pts: as(pts),
  duration: as(20_000),
  data: Uint8Array.of(1, 2),
});

/** Frame `index` of a stream; sound packets stand at multiples of 20 ms. */
function picture(index: number, { key = false, sounds = false, lost = false }): TimedPicture {
  const pts = frameTime(index, RATE);
  const end = frameTime(index + 1, RATE);
  const sound: TimedSound[] = [];
  if (sounds) {
    for (let at = Math.ceil(pts / 20_000) * 20_000; at < end; at += 20_000) sound.push(heard(at));
  }
  const packet = lost ? undefined : { data: Uint8Array.of(index), key };
  return { pts, duration: as(end - pts), packet, sound };
}

test("a file begins at the first key packet, at time 0", () => {
  const moments = new Moments();

  expect(moments.next(picture(98, {}))).toBeUndefined();
  expect(moments.next(picture(99, { sounds: true }))).toBeUndefined();
  expect(moments.next(picture(100, { key: true }))).toMatchObject({ pts: 0, key: true });
  expect(moments.next(picture(101, {}))).toMatchObject({ pts: 33_334, key: false });
});

test("after a missing packet the file goes on with the next key packet", () => {
  const moments = new Moments();
  moments.next(picture(0, { key: true }));

  expect(moments.next(picture(1, { lost: true }))).toBeUndefined();
  expect(moments.next(picture(2, {}))).toBeUndefined();
  expect(moments.next(picture(3, { key: true }))).toMatchObject({ pts: 100_000 });
});

test("a silent stream has as much silence as it has pictures", () => {
  const moments = new Moments();
  const all = Array.from({ length: 30 }, (_, i) => moments.next(picture(i, { key: i === 0 })));
  const sound = [...all.flatMap((moment) => moment?.sound ?? []), ...moments.finish()];

  expect(sound).toHaveLength(50);
  expect(new Set(sound.map(({ data }) => Buffer.from(data).toString("hex")))).toEqual(
    new Set(["f8fffe"]),
  );
});

test("whenever sound begins or ceases, all of it is kept, in order, and no hole is as long as a packet", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 90 }), (sounding) => {
      const moments = new Moments();
      const pictures = sounding.map((sounds, i) => picture(FIRST + i, { key: i === 0, sounds }));
      const kept = pictures.flatMap((each) => moments.next(each)?.sound ?? []);
      const sound = [...kept, ...moments.finish()];
      const given = pictures.flatMap((each) => each.sound);

      expect(sound.filter(({ data }) => data.length === 2)).toHaveLength(given.length);
      let end = 0;
      for (const { pts, duration } of sound) {
        expect(pts).toBeGreaterThanOrEqual(end);
        expect(pts - end).toBeLessThan(20_000);
        end = pts + duration;
      }
      expect(Math.abs(end - frameTime(sounding.length, RATE))).toBeLessThan(20_001);
    }),
  );
});
