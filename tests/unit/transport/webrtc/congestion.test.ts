import fc from "fast-check";
import { expect, it } from "vitest";
import { as, type Millis } from "../../../../src/core/units.ts";
import { CongestionController } from "../../../../src/transport/webrtc/congestion.ts";
import type { PacketFate } from "../../../../src/transport/webrtc/sent-log.ts";

const ms = (value: number): Millis => as(value);
/** The receiver's clock is elsewhere. */
const ORIGIN = 5_000_000;

/** A network with one queue, and a sender that always sends what the controller says. */
class Network {
  capacity: number;
  lossEvery = Infinity;
  readonly controller: CongestionController;
  queuedMillis = 0;
  #now = 0;
  #freeAt = 0;
  #count = 0;

  constructor(capacity: number, start: number, most = 3_000_000) {
    this.capacity = capacity;
    this.controller = new CongestionController({ start, most });
  }

  run(seconds: number): void {
    const end = this.#now + seconds * 1000;
    while (this.#now < end) {
      const fates: PacketFate[] = [];
      for (const until = this.#now + 50; this.#now < until; ) {
        fates.push(this.#packet());
        this.#now += (8_000 * 1_200) / this.controller.target;
      }
      this.controller.feedback(fates, ms(this.#now));
    }
  }

  #packet(): PacketFate {
    const sentAt = ms(this.#now);
    this.#count += 1;
    if (this.#count % this.lossEvery === 0) return { sentAt, bytes: 1_200 };
    this.#freeAt = Math.max(this.#freeAt, this.#now) + (8_000 * 1_200) / this.capacity;
    this.queuedMillis = this.#freeAt - this.#now;
    return { sentAt, bytes: 1_200, arrivedAt: ORIGIN + this.#freeAt + 20 };
  }
}

it("grows to the most on a free network, by a part in twelve a second", () => {
  const network = new Network(50_000_000, 1_000_000);
  network.run(5);
  expect(network.controller.target).toBeGreaterThan(1_400_000);
  expect(network.controller.target).toBeLessThan(1_500_000);
  network.run(20);
  expect(network.controller.target).toBe(3_000_000);
});

it("settles below a bottleneck, and its queue empties", () => {
  const network = new Network(900_000, 1_500_000);
  network.run(10);
  expect(network.controller.target).toBeLessThan(1_000_000);
  expect(network.controller.target).toBeGreaterThan(600_000);
  expect(network.queuedMillis).toBeLessThan(150);
});

it("takes back most of what was lost within half a minute", () => {
  const network = new Network(900_000, 1_500_000, 1_500_000);
  network.run(10);
  network.capacity = 10_000_000;
  network.run(30);
  expect(network.controller.target).toBeGreaterThan(1_200_000);
});

it("bears a loss of one in twenty, but not of one in five", () => {
  const network = new Network(50_000_000, 1_000_000);
  network.lossEvery = 20;
  network.run(5);
  expect(network.controller.target).toBeGreaterThan(1_400_000);
  network.lossEvery = 5;
  network.run(5);
  expect(network.controller.target).toBeLessThan(1_000_000);
});

it("goes by the receiver's estimate where that is all there is", () => {
  const controller = new CongestionController({ start: 1_000_000, most: 2_000_000 });
  controller.receiverEstimate(600_000);
  expect(controller.target).toBe(510_000);
  controller.receiverEstimate(9_000_000);
  expect(controller.target).toBe(2_000_000);
  controller.reportedLoss(0.5, ms(0));
  expect(controller.target).toBe(1_500_000);
});

it("stays within its bounds whatever it is told", () => {
  const fate = fc.record({
    sentAt: fc.nat(100_000).map(ms),
    bytes: fc.nat(1_500),
    arrivedAt: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(fc.array(fate, { maxLength: 30 }), { maxLength: 20 }), (reports) => {
      const controller = new CongestionController({ start: 1_000_000, most: 2_000_000 });
      for (const [i, fates] of reports.entries()) controller.feedback(fates, ms(i * 50));
      expect(controller.target).toBeGreaterThanOrEqual(100_000);
      expect(controller.target).toBeLessThanOrEqual(2_000_000);
    }),
  );
});
