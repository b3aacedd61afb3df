import { expect, test } from "vitest";
import { InputLatency } from "../../../clients/web/input-latency.ts";
import { Meter, type MeterContext } from "../../../clients/web/meter.ts";
import { RollingQuantiles } from "../../../clients/web/quantiles.ts";
import { as, type Millis } from "../../../src/core/units.ts";

const ms = (value: number): Millis => as(value);

const CONTEXT: MeterContext = {
  transport: "websocket",
  network: undefined,
  isEstimated: false,
  isStreaming: true,
  nominalRate: 30,
  isReduced: false,
};

test("counts the frames and the bytes of the time since the last report", () => {
  const meter = new Meter(ms(0));
  for (let at = 0; at < 1000; at += 25) {
    meter.received(100);
    meter.drawn(0, ms(at));
  }
  const first = meter.report(ms(1000), CONTEXT);
  expect(first.fps).toBeCloseTo(40);
  expect(first.bitrate).toBeCloseTo(32_000);
  expect(first.frameInterval).toEqual({ last: 25, p50: 25, p95: 25, p99: 25 });
  const second = meter.report(ms(2000), CONTEXT);
  expect(second.fps).toBe(0);
  expect(second.drawn).toBe(40);
});

test("the first frame counts from the connection's beginning, and a pause is no interval", () => {
  const meter = new Meter(ms(100));
  meter.drawn(0, ms(250));
  meter.drawn(0, ms(290));
  meter.drawn(0, ms(9_000));
  const { firstFrame, frameInterval } = meter.report(ms(9_000), CONTEXT);
  expect(firstFrame).toBe(150);
  expect(frameInterval?.p99).toBe(40);
});

test("an input's latency ends with the first frame of its epoch or a later one", () => {
  const latency = new InputLatency();
  latency.sent("a", ms(0));
  latency.sent("b", ms(10));
  expect(latency.drawn(9, ms(20))).toBeUndefined();
  latency.accepted("a", 10);
  latency.accepted("b", 11);
  expect(latency.drawn(9, ms(30))).toBeUndefined();
  expect(latency.drawn(11, ms(60))).toBe(60);
  expect(latency.drawn(11, ms(90))).toBeUndefined();
  expect(latency.samples.at(0)).toBe(50);
});

test("a refused input has no latency", () => {
  const latency = new InputLatency();
  latency.sent("a", ms(0));
  latency.accepted("a", 1);
  latency.refused("a");
  expect(latency.drawn(5, ms(60))).toBeUndefined();
});

test("quantiles are over the newest values only", () => {
  const values = new RollingQuantiles(4);
  expect(values.at(0.5)).toBeNaN();
  for (const value of [100, 100, 1, 2, 3, 4]) values.push(value);
  expect([values.at(0), values.at(0.5), values.at(1), values.last]).toEqual([1, 2, 4, 4]);
});
