import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMarker } from "../../../src/core/marker.ts";
import type { EngineEvent } from "../../../src/stream/engine/contract.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { type Client, Service, until } from "../../support/service.ts";

const events: EngineEvent[] = [];
let service: Service;

beforeAll(async () => {
  service = await Service.start({
    startEngine: (options, onEvent, logger) =>
      startEngine(
        options,
        (event) => {
          events.push(event);
          onEvent(event);
        },
        logger,
      ),
    config: { sessions: 16 },
  });
});

afterAll(() => service[Symbol.asyncDispose]());

/** Raw pictures by frame number, up to `count` frames. */
async function pictures(client: Client, count: number): Promise<Map<number, string>> {
  await client.frames(count);
  return new Map(
    client.media.map(({ header, payload }) => [
      Number(header.frame),
      createHash("sha256").update(payload).digest("hex"),
    ]),
  );
}

test("the same seed makes the same pictures, another seed makes others", async () => {
  const play = (seed: number) => service.play({ parameters: { seed }, media: { codecs: ["rgb"] } });
  const [first, second, other] = await Promise.all([play(7), play(7), play(8)]);

  const [a, b, c] = await Promise.all([first, second, other].map((each) => pictures(each, 12)));

  const shared = [...(a?.keys() ?? [])].filter((frame) => b?.has(frame) && c?.has(frame));
  expect(shared.length).toBeGreaterThan(5);
  for (const frame of shared) expect(a?.get(frame)).toBe(b?.get(frame));
  expect(shared.some((frame) => a?.get(frame) !== c?.get(frame))).toBe(true);
});

test("markers in the picture carry its frame and its epoch", async () => {
  const client = await service.play({ media: { codecs: ["rgb"], markers: true } });

  await client.frames(3);
  client.send({ type: "control.input", values: { left: 1 } });
  await until(() => client.media.some(({ header }) => header.epoch === 1), "the input to show");

  for (const { header, payload } of client.media) {
    expect(readMarker(payload, 32, 3)).toEqual({
      frame: Number(header.frame),
      epoch: header.epoch,
    });
  }
});

test("sessions outlive the process they run in", async () => {
  const client = await service.play();
  await client.frames(5);
  const ready = events.findLast((event) => event.type === "engine-ready");
  const block = Number(client.media.at(-1)?.header.block);

  process.kill(ready?.pid ?? 0, "SIGKILL");

  const recovered = await client.event("generation.recovered");
  expect(recovered.block).toBeGreaterThanOrEqual(block);
  await client.frames(10);
  const frames = client.media.map(({ header }) => Number(header.frame));
  expect(frames).toEqual(frames.map((_, i) => (frames[0] ?? 0) + i));
  const metrics = await (await service.fetch("/metrics")).text();
  expect(metrics).toMatch(/zoetrope_engine_events_total\{type="engine-lost"\} [1-9]/);
  await until(() => client.closeCode === undefined, "the client to stay");
});
