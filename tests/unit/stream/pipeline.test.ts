import { Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { Credits, type Leased } from "../../../src/core/credits.ts";
import { as, frameTime, type Micros } from "../../../src/core/units.ts";
import type { BlockResult } from "../../../src/stream/engine/contract.ts";
import { Pacer } from "../../../src/stream/pacer.ts";
import { paceMoments, picturesOf } from "../../../src/stream/pipeline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const RATE = 50;
const NONE = new Uint8Array();

/** A block of `frames` frames with a packet of each of two renditions. */
const block = (index: number, frames: number): BlockResult => ({
  block: as(index),
  firstFrame: as(index * frames),
  frames,
  pts: frameTime(index * frames, RATE),
  epoch: index,
  packets: Array.from({ length: frames * 2 }, (_, i) => ({
    rendition: i % 2,
    codec: "rgb",
    key: true,
    frame: as(index * frames + Math.floor(i / 2)),
    pts: as(0),
    duration: as(0),
    data: new Uint8Array(),
  })),
  sound: [],
  timings: { encoder: as(0), denoise: as(0), decode: as(0), encode: as(0), total: as(0) },
  cache: { policy: "", bytes: as(0), slots: 0, capacity: 0 },
});

async function setUp(credits: Credits) {
  const clock = new ManualClock();
  const blocks = new Subject<Leased<BlockResult>>();
  const shown: string[] = [];
  const late: number[] = [];
  const paced = blocks.pipe(
    paceMoments({
      pacer: new Pacer(clock, as(100)),
      frameRate: RATE,
      released: (ms) => late.push(ms),
    }),
  );
  const subscription = paced.subscribe({
    next: (moment) =>
      shown.push(
        moment.kind === "picture"
          ? `${moment.picture.frame} at ${clock.now()}`
          : `sound at ${clock.now()}`,
      ),
    complete: () => shown.push("complete"),
    error: () => shown.push("error"),
  });
  const push = async (value: BlockResult) => {
    blocks.next({ value, lease: await credits.acquire(new AbortController().signal) });
  };
  await clock.advance(0);
  return { clock, blocks, shown, late, subscription, push };
}

describe("pacing pictures", () => {
  it("lets each go on the media clock, across blocks, and the lease after a block's last", async () => {
    const credits = new Credits(2);
    const { clock, push, shown } = await setUp(credits);
    await push(block(0, 2));
    await push(block(1, 2));
    await clock.advance(0);
    expect(shown).toEqual(["0 at 0"]);
    await clock.advance(19);
    expect(credits.available).toBe(0);
    await clock.advance(1);
    expect(credits.available).toBe(1);
    await clock.advance(40);

    expect(shown).toEqual(["0 at 0", "1 at 20", "2 at 40", "3 at 60"]);
    expect(credits.available).toBe(2);
  });

  it("lets sound go at its own time between pictures", async () => {
    const { clock, push, shown } = await setUp(new Credits(2));
    const packet = (pts: number) => ({
      pts: as<Micros>(pts),
      duration: as<Micros>(8_000),
      data: NONE,
    });
    const sound = [packet(0), packet(8_000), packet(16_000), packet(24_000)];
    await push({ ...block(0, 2), sound });
    await clock.advance(40);

    expect(shown).toEqual([
      "0 at 0",
      "sound at 0",
      "sound at 8",
      "sound at 16",
      "1 at 20",
      "sound at 24",
    ]);
  });

  it("tells how late a picture was", async () => {
    const credits = new Credits(2);
    const { clock, push, late } = await setUp(credits);
    await push(block(0, 1));
    await clock.advance(50);
    await push(block(1, 1));
    await clock.advance(0);

    expect(late).toEqual([0, 30]);
  });

  it("shows what is waiting before it completes", async () => {
    const credits = new Credits(2);
    const { clock, blocks, push, shown } = await setUp(credits);
    await push(block(0, 2));
    blocks.complete();
    await clock.advance(100);

    expect(shown).toEqual(["0 at 0", "1 at 20", "complete"]);
  });

  it("drops what is waiting and leaves no timer when the reader leaves", async () => {
    const credits = new Credits(2);
    const { clock, push, shown, subscription } = await setUp(credits);
    await push(block(0, 3));
    await clock.advance(25);
    subscription.unsubscribe();
    await clock.advance(1_000);

    expect(shown).toEqual(["0 at 0", "1 at 20"]);
    expect(clock.sleeping).toBe(0);
    expect(credits.available).toBe(2);
  });

  it("gives every picture its own packets and time, also when there are none", () => {
    const pictures = picturesOf(block(2, 3), RATE);

    expect(
      pictures.map(({ frame, pts, duration, endOfBlock }) => [frame, pts, duration, endOfBlock]),
    ).toEqual([
      [6, 120_000, 20_000, false],
      [7, 140_000, 20_000, false],
      [8, 160_000, 20_000, true],
    ]);
    expect(
      pictures.map(({ packets }) => packets.map(({ rendition, frame }) => `${rendition}:${frame}`)),
    ).toEqual([
      ["0:6", "1:6"],
      ["0:7", "1:7"],
      ["0:8", "1:8"],
    ]);
    expect(picturesOf({ ...block(0, 2), packets: [] }, RATE)).toHaveLength(2);
  });
});
