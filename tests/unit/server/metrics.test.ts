import { expect, test } from "vitest";
import { Gauge, ServerMetrics } from "../../../src/server/metrics.ts";

test("series are told apart by their labels, which are escaped", () => {
  const metrics = new ServerMetrics();
  metrics.refused.add(1, { code: "bad_message" });
  metrics.refused.add(2, { code: "bad_message" });
  metrics.refused.add(1, { code: 'a"b\\c\nd' });

  const text = metrics.exposition([]);

  expect(text).toContain('zoetrope_messages_refused_total{code="bad_message"} 3\n');
  expect(text).toContain('zoetrope_messages_refused_total{code="a\\"b\\\\c\\nd"} 1\n');
});

test("a histogram's buckets count everything up to their bound", () => {
  const metrics = new ServerMetrics();
  for (const seconds of [0.05, 0.12, 100]) metrics.firstFrame.observe(seconds);

  const text = metrics.exposition([]);

  expect(text).toContain('zoetrope_session_first_frame_seconds_bucket{le="0.05"} 1\n');
  expect(text).toContain('zoetrope_session_first_frame_seconds_bucket{le="0.15"} 2\n');
  expect(text).toContain('zoetrope_session_first_frame_seconds_bucket{le="+Inf"} 3\n');
  expect(text).toContain("zoetrope_session_first_frame_seconds_count 3\n");
});

test("a gauge is read when it is asked for", () => {
  let value = 1;
  const gauge = new Gauge("zoetrope_test", "A value.", () => [[{}, value]]);
  const metrics = new ServerMetrics();

  expect(metrics.exposition([gauge])).toContain("zoetrope_test 1\n");
  value = 2;
  expect(metrics.exposition([gauge])).toContain("# TYPE zoetrope_test gauge\nzoetrope_test 2\n");
});
