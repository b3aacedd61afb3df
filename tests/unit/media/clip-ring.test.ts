import fc from "fast-check";
import { expect, test } from "vitest";
import { as, frameTime } from "../../../src/core/units.ts";
import { ClipRing } from "../../../src/media/clip-ring.ts";
import type { TimedPicture } from "../../../src/media/moments.ts";

const picture = (index: number, key: boolean, bytes = 100): TimedPicture => ({
  pts: frameTime(index, 10),
  duration: as(100_000),
  packet: { data: new Uint8Array(bytes), key },
  sound: [],
});

test("a clip has at least the seconds asked for, and begins with a key packet", () => {
  const ring = new ClipRing({ seconds: 6, bytes: 1e6 });
  for (let i = 0; i < 200; i++) ring.take(picture(i, i % 20 === 0));

  expect(ring.last(3)).toHaveLength(40);
  expect(ring.last(3)[0]).toMatchObject({ pts: 16_000_000, packet: { key: true } });
  expect(ring.last(60)).toHaveLength(60);
  expect(ring.bytes).toBe(6_000);
});

test("a ring without a key packet has nothing", () => {
  const ring = new ClipRing({ seconds: 6, bytes: 1e6 });
  ring.take(picture(0, false));
  ring.take({ ...picture(1, true), packet: undefined });

  expect(ring.last(1)).toEqual([]);
});

test("whatever comes, a ring keeps within its bytes, and what it gives can be decoded", () => {
  const pictures = fc.array(fc.record({ key: fc.boolean(), bytes: fc.nat(3_000) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(pictures, (all) => {
      const ring = new ClipRing({ seconds: 3, bytes: 5_000 });
      for (const [i, { key, bytes }] of all.entries()) {
        ring.take(picture(i, key, bytes));
        expect(ring.bytes).toBeLessThanOrEqual(5_000);
        const [first] = ring.last(2);
        expect(first?.packet?.key ?? true).toBe(true);
      }
    }),
  );
});
