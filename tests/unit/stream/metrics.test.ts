import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { BlockResult } from "../../../src/stream/engine/contract.ts";
import { SessionMetrics, spread } from "../../../src/stream/metrics.ts";

const AT = { block: as<never>(9), frame: as<never>(9), pts: as<never>(300_000) };

const result = (frames: number, denoise: number): BlockResult => ({
  block: as(0),
  firstFrame: as(0),
  frames,
  pts: as(0),
  epoch: 0,
  packets: [],
  sound: [],
  timings: {
    encoder: as(1),
    denoise: as(denoise),
    decode: as(2),
    encode: as(3),
    total: as(6 + denoise),
  },
  cache: { policy: "window 4", bytes: as(10), slots: 1, capacity: 4 },
});

describe("a session's numbers", () => {
  it("are frames a second, block times, mean stages and lateness since the last report", () => {
    const metrics = new SessionMetrics(as(0));
    metrics.made(result(3, 10), as(30));
    metrics.made(result(3, 20), as(50));
    metrics.released(as(0));
    metrics.released(as(7));
    metrics.released(as(4));

    expect(metrics.report(AT, as(2_000))).toMatchObject({
      ...AT,
      fps: 3,
      blockTime: { p50: 30, p95: 50, max: 50 },
      stages: { encoder: 1, denoise: 15, decode: 2, encode: 3 },
      late: { frames: 2, worst: 7 },
      cache: { policy: "window 4" },
    });
    expect(metrics.report(AT, as(3_000))).toMatchObject({
      fps: 0,
      blockTime: { p50: 0, p95: 0, max: 0 },
      late: { frames: 0, worst: 0 },
      cache: { policy: "window 4" },
    });
  });

  it("are bounded in memory however fast blocks come", () => {
    const metrics = new SessionMetrics(as(0));
    for (let i = 0; i < 10_000; i++) metrics.made(result(1, 1), as(i));

    expect(metrics.report(AT, as(1_000)).blockTime.p50).toBeGreaterThan(9_000);
  });

  it("spread values by nearest rank: each quantile is one of them, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const { p50, p95, max } = spread(values);

        expect(values).toEqual(expect.arrayContaining([p50, p95, max]));
        expect(max).toBe(Math.max(...values));
        expect(p50).toBeLessThanOrEqual(p95);
        expect(values.filter((each) => each <= p50).length).toBeGreaterThanOrEqual(
          values.length / 2,
        );
      }),
    );
  });
});
