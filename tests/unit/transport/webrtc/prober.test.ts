import fc from "fast-check";
import { expect, it } from "vitest";
import { as, type Millis } from "../../../../src/core/units.ts";
import {
  CongestionController,
  type PacketFate,
} from "../../../../src/transport/webrtc/congestion.ts";
import type { Probe } from "../../../../src/transport/webrtc/prober.ts";

const ms = (value: number): Millis => as(value);
const SIZE = 1_200;
const MOST = 2_250_000;
const REPORT_EVERY = 100;

/** A network with one queue, a sender whose media needs little, and probes that fill up what it is asked for. */
class Viewer {
  capacity: number;
  media: number;
  readonly controller = new CongestionController({ start: MOST, most: MOST, canProbe: true });
  readonly probes: Probe[] = [];
  longestQueue = 0;
  #now = 0;
  #freeAt = 0;
  #fates: PacketFate[] = [];
  #probe: Probe | undefined;
  #owed = { media: 0, probe: 0 };

  constructor(capacity: number, media: number) {
    this.capacity = capacity;
    this.media = media;
  }

  run(seconds: number): void {
    for (const end = this.#now + seconds * 1000; this.#now < end; this.#now++) {
      this.#owed.media += this.media / 8000;
      if (this.#probe !== undefined) this.#owed.probe += this.#probe.rate / 8000;
      while (this.#owed.media >= SIZE) this.#send("media");
      while (this.#owed.probe >= SIZE) this.#send("probe");
      if (this.#now >= (this.#probe?.to ?? Infinity)) this.#probe = undefined;
      if (this.#now % REPORT_EVERY === 0) this.#report();
    }
  }

  #send(why: "media" | "probe"): void {
    if (why === "media") this.#owed.media -= SIZE;
    this.#owed.probe = Math.max(0, this.#owed.probe - SIZE);
    this.#freeAt = Math.max(this.#freeAt, this.#now) + (8000 * SIZE) / this.capacity;
    this.longestQueue = Math.max(this.longestQueue, this.#freeAt - this.#now);
    this.#fates.push({ sentAt: ms(this.#now), bytes: SIZE, arrivedAt: this.#freeAt + 20 });
  }

  #report(): void {
    const here = this.#fates.filter(({ arrivedAt = 0 }) => arrivedAt <= this.#now);
    this.#fates = this.#fates.slice(here.length);
    this.controller.feedback(here, ms(this.#now));
    const probe = this.controller.probe(ms(this.#now));
    if (probe === undefined) return;
    this.probes.push(probe);
    this.#probe = probe;
    this.#owed.probe = 0;
  }
}

it("asks for no more than media needs while that is not proven, and never fills the network's queue for long", () => {
  const viewer = new Viewer(900_000, 2_000_000);
  viewer.run(1);
  viewer.media = 450_000;
  viewer.run(9);
  const settled = viewer.controller.target;
  expect(settled).toBeLessThan(900_000);
  viewer.longestQueue = 0;
  viewer.run(30);
  expect(viewer.controller.target).toBeLessThan(950_000);
  expect(viewer.longestQueue).toBeLessThan(150);
  expect(viewer.probes.length).toBeLessThan(10);
});

it("takes back everything soon after the bottleneck is gone, though media never needed it", () => {
  const viewer = new Viewer(900_000, 2_000_000);
  viewer.run(3);
  viewer.media = 450_000;
  viewer.run(17);
  viewer.capacity = 50_000_000;
  viewer.run(12);
  expect(viewer.controller.target).toBe(MOST);
});

it("sends no probe where there is nothing to gain", () => {
  const viewer = new Viewer(50_000_000, 1_000_000);
  viewer.run(20);
  expect(viewer.probes).toEqual([]);
});

it("does without probes where none can be sent", () => {
  const controller = new CongestionController({ start: 1_000_000, most: 2_000_000 });
  expect(controller.probe(ms(10_000))).toBeUndefined();
});

it("stays within its bounds whatever probes are answered with", () => {
  const fate = fc.record({
    sentAt: fc.nat(5_000).map(ms),
    bytes: fc.nat(1_500),
    arrivedAt: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(fc.array(fate, { maxLength: 30 }), { maxLength: 40 }), (reports) => {
      const options = { start: 500_000, most: 2_000_000, canProbe: true };
      const controller = new CongestionController(options);
      for (const [i, fates] of reports.entries()) {
        const told = fates.map(({ arrivedAt, ...sent }) =>
          arrivedAt === undefined ? sent : { ...sent, arrivedAt },
        );
        controller.feedback(told, ms(i * 150));
        controller.probe(ms(i * 150));
        expect(controller.target).toBeGreaterThanOrEqual(100_000);
        expect(controller.target).toBeLessThanOrEqual(2_000_000);
      }
    }),
  );
});
