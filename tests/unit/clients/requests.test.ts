import { expect, test } from "vitest";
import { BACKOFF, backoff } from "../../../clients/web/backoff.ts";
import { CodecLadder, decodableCodecs } from "../../../clients/web/codecs.ts";
import { Requests } from "../../../clients/web/requests.ts";

test("an answer settles the request it names and no other", async () => {
  const requests = new Requests();
  const [a, b] = [requests.nextId(), requests.nextId()];
  expect(a).not.toBe(b);
  const first = requests.answer(a);
  const second = requests.answer(b);
  expect(requests.settle({ type: "generation.paused", event_id: b, block: 1, pts: 0 })).toBe(true);
  await second;
  expect(requests.settle({ type: "generation.paused", event_id: b, block: 1, pts: 0 })).toBe(false);
  const error = { code: "bad_parameter", message: "no", recovery: "refuse", detail: {} } as const;
  requests.settle({ type: "error", event_id: a, error });
  await expect(first).rejects.toMatchObject({ code: "bad_parameter" });
});

test("requests that nobody will answer are refused", async () => {
  const requests = new Requests();
  const lost = requests.answer(requests.nextId());
  requests.abandon();
  await expect(lost).rejects.toMatchObject({ code: "state_conflict" });
});

test("waits double up to a bound, and chance takes away at most half", () => {
  const waits = Array.from({ length: 8 }, (_, attempt) => backoff(attempt, 0));
  expect(waits.slice(0, 3)).toEqual([BACKOFF.first, BACKOFF.first * 2, BACKOFF.first * 4]);
  expect(waits.at(-1)).toBe(BACKOFF.longest);
  expect(backoff(0, 0.999)).toBeGreaterThanOrEqual(BACKOFF.first / 2);
});

test("without WebCodecs only raw pictures are asked for", async () => {
  expect(await decodableCodecs()).toEqual(["rgb"]);
});

test("a codec is given up after failures in a row, not after failures between pictures", () => {
  const ladder = new CodecLadder(["h264", "vp8", "rgb"]);
  for (let i = 0; i < 10; i++) {
    expect(ladder.failed("h264")).toBeUndefined();
    expect(ladder.failed("h264")).toBeUndefined();
    ladder.decoded();
  }
  ladder.failed("h264");
  ladder.failed("h264");
  expect(ladder.failed("h264")).toEqual(["vp8", "rgb"]);
  const giveUp = (codec: "vp8" | "rgb") => [1, 2, 3].map(() => ladder.failed(codec)).at(-1);
  expect(giveUp("vp8")).toEqual(["rgb"]);
  expect(giveUp("rgb")).toEqual([]);
});
