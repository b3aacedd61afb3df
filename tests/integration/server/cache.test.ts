import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CacheSettingsChange } from "../../../src/protocol/cache.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import { cacheSettingsSchema } from "../../../src/protocol/messages.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { type Client, Service, until } from "../../support/service.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({ startEngine, config: { sessions: 64, preload: ["tiny-open"] } });
});

afterAll(() => service[Symbol.asyncDispose]());

const play = (model = "tiny-open"): Promise<Client> => service.play({ model });
let ids = 0;
const FIELDS: readonly string[] = Object.keys(cacheSettingsSchema().properties);

/** Whether `event` ends what was asked as `id`: in force, or refused. */
const isAnswer = (event: ServerEvent, id: string): boolean =>
  event.type === "cache.configured"
    ? event.event_ids.includes(id)
    : (event.type === "error" || event.type === "input.rejected") && event.event_id === id;

/** What is in force once `change` is. */
async function configured(client: Client, change: CacheSettingsChange) {
  const event_id = `configure-${ids++}`;
  client.send({ type: "cache.configure", event_id, ...change });
  const accepted = await client.event("input.accepted", (event) => event.event_id === event_id);
  const told = await client.event("cache.configured", ({ event_ids }) =>
    event_ids.includes(event_id),
  );
  const applied = await client.event("input.applied", ({ event_ids }) =>
    event_ids.includes(event_id),
  );
  expect(applied).toMatchObject({ epoch: accepted.epoch, block: told.block, pts: told.pts });
  return told;
}

async function inspected(client: Client) {
  const event_id = `inspect-${ids++}`;
  client.send({ type: "cache.inspect", event_id });
  return client.event("cache.stats", (event) => event.event_id === event_id);
}

describe("what a cache keeps, changed live", () => {
  test("a session begins with the model's own choice, and its model says what there is", async () => {
    const client = await play();
    const { cache, model } = await client.event("session.created");

    expect(cache).toEqual(model.cache.initial);
    expect(model.cache).toMatchObject({
      window_frames: 6,
      sink_frames: 0,
      tokens_per_frame: 4,
      most_slots: 4096,
      open_slots: true,
      group_frames: 4,
      compressors: ["temporal"],
      policies: ["window", "full", "tempcache", "convkv", "thin", "pool", "random"],
      storages: ["float32", "float16", "int8", "int4"],
      attentions: ["dense", "hashed"],
    });
  });

  test.each([
    { policy: "window", window_frames: 4 },
    { policy: "full" },
    { policy: "tempcache", memory_slots: 32, threshold: 0.5, match: "head" },
    { policy: "convkv", memory_slots: 64, kernel: "learned" },
    { policy: "convkv", kernel: "mean", grouping: "raster" },
    { policy: "thin", memory_slots: 40, every: 2 },
    { policy: "pool", memory_slots: 40 },
    { policy: "random", memory_slots: 40 },
    { policy: "tempcache", storage: "int4" },
    { policy: "full", attention: "hashed" },
  ] as const)("%j is in force from one block on, and pictures go on", async (change) => {
    const client = await play();
    await client.frames(12);

    const { cache, report } = await configured(client, change);
    await client.frames(15);

    expect(cache).toMatchObject(change);
    expect(report.slots).toBeGreaterThan(0);
    const stats = await inspected(client);
    expect(stats).toMatchObject({ policy: change.policy, storage: cache.storage });
    const counted = stats.ages.reduce(
      (sum, { sink, raw, kept, merged, compressed }) =>
        sum + sink + raw + kept + merged + compressed,
      0,
    );
    expect(Math.abs(counted - stats.slots)).toBeLessThanOrEqual(stats.ages.length);
    expect(stats.slots).toBeLessThanOrEqual(stats.capacity);
    expect(stats.recall).toBeGreaterThan(0);
    expect(client.events.filter(({ type }) => type === "error")).toEqual([]);
  });

  test("a change says the whole choice, and leaves what it does not name", async () => {
    const client = await play();
    await configured(client, { policy: "tempcache", memory_slots: 48 });

    const { cache } = await configured(client, { threshold: 0.75 });

    expect(cache).toEqual({
      policy: "tempcache",
      window_frames: 6,
      sink_frames: 0,
      memory_slots: 48,
      threshold: 0.75,
      match: "layer",
      kernel: "learned",
      grouping: "temporal",
      every: 8,
      storage: "float32",
      attention: "dense",
    });
  });

  test("params.update of the window is told the same way, and the other way round", async () => {
    const client = await play();
    client.send({ type: "params.update", event_id: "p", parameters: { window_frames: 3 } });
    const told = await client.event("cache.configured", ({ event_ids }) => event_ids.includes("p"));
    expect(told.cache.window_frames).toBe(3);

    await configured(client, { window_frames: 5 });
    const updated = client.events.filter((event) => event.type === "session.updated").at(-1);
    expect(updated?.parameters.window_frames).toBe(5);
  });

  test("everybody who is there is told, over whatever they came; viewers see and do not touch", async () => {
    const client = await play();
    const created = await client.event("session.created");
    const { session, viewer_token: token } = created;
    const viewer = await service.connect();
    viewer.send({ type: "session.resume", session, token });
    await viewer.event("session.resumed");

    const { block } = await configured(client, { policy: "thin" });
    await viewer.event("cache.configured", (event) => event.block === block);
    expect((await inspected(viewer)).policy).toBe("thin");

    viewer.send({ type: "cache.configure", event_id: "no", policy: "window" });
    const refused = await viewer.event("input.rejected", ({ event_id }) => event_id === "no");
    expect(refused.error.code).toBe("unauthorized");
    viewer.send({ type: "cache.reset", event_id: "no2", keep_sinks: true });
    await viewer.event("input.rejected", ({ event_id }) => event_id === "no2");
  });

  test("who comes back is told what is in force", async () => {
    const client = await play();
    const { session, token } = await client.event("session.created");
    await configured(client, { policy: "pool" });
    client.cut();

    const again = await service.connect();
    again.send({ type: "session.resume", session, token });

    expect((await again.event("session.resumed")).cache.policy).toBe("pool");
  });
});

describe("emptying a cache", () => {
  test("everything goes, and frames count anew", async () => {
    const client = await play("tiny-separable");
    await client.frames(25);

    client.send({ type: "cache.reset", event_id: "r", keep_sinks: false });
    const told = await client.event("cache.reset", ({ event_ids }) => event_ids.includes("r"));

    expect(told).toMatchObject({ keep_sinks: false });
    expect(told.report.slots).toBeLessThan(told.report.capacity / 2);
    await client.frames(5);
    expect((await inspected(client)).frames).toBeLessThan(25);
  });

  test("sinks stay where they are to", async () => {
    const client = await play("tiny-separable");
    await client.frames(25);
    const before = await inspected(client);

    client.send({ type: "cache.reset", event_id: "r", keep_sinks: true });
    const told = await client.event("cache.reset", ({ event_ids }) => event_ids.includes("r"));

    expect(told.report.slots).toBeLessThan(before.slots);
    const after = await inspected(client);
    expect(after.frames).toBeGreaterThan(before.frames);
    expect(after.ages.reduce((sum, { sink }) => sum + sink, 0)).toBe(
      before.ages.reduce((sum, { sink }) => sum + sink, 0),
    );
  });

  test("another number of sinks is in force when frames count anew, not before", async () => {
    const client = await play("tiny-separable");
    await client.frames(20);
    const { cache } = await configured(client, { sink_frames: 0 });
    expect(cache.sink_frames).toBe(1);

    client.send({ type: "cache.reset", event_id: "r", keep_sinks: false });
    const told = await client.event("cache.configured", (event) => event.cache.sink_frames === 0);
    await client.event("cache.reset", ({ block }) => block === told.block);
  });

  test("while paused, it waits for the next block; looking at it does not", async () => {
    const client = await play();
    await client.frames(10);
    client.send({ type: "generation.pause", event_id: "p" });
    await client.event("generation.paused");
    await client.event("session.updated", ({ state }) => state === "paused");
    client.send({ type: "cache.reset", event_id: "r", keep_sinks: false });
    await client.event("input.accepted", ({ event_id }) => event_id === "r");
    expect((await inspected(client)).slots).toBeGreaterThan(8);

    client.send({ type: "generation.step", event_id: "s" });
    await client.event("cache.reset");
    expect((await inspected(client)).slots).toBeLessThanOrEqual(8);
  });
});

test("a model that keeps a state plays with it, tells its size, and refuses every policy of slots", async () => {
  const client = await play("tiny-state");
  const { cache } = await client.event("session.created");
  expect(cache.policy).toBe("state");
  await client.frames(10);
  const before = await inspected(client);
  expect(before).toMatchObject({ policy: "state", slots: 0, ages: [] });

  client.send({ type: "cache.configure", event_id: "no", policy: "tempcache" });
  const { error } = await client.event("input.rejected", ({ event_id }) => event_id === "no");
  expect(error).toMatchObject({ code: "bad_parameter", detail: { path: "policy" } });

  client.send({ type: "cache.reset", event_id: "r", keep_sinks: true });
  await client.event("cache.reset", ({ event_ids }) => event_ids.includes("r"));
  await client.frames(10);
  expect((await inspected(client)).bytes).toBe(before.bytes);
});

test("a cache that kept everything until it was full goes on with a window, and says so", async () => {
  const client = await play("tiny-separable");
  await configured(client, { policy: "full" });

  const told = await client.event("cache.configured", ({ event_ids }) => event_ids.length === 0);
  expect(told.cache.policy).toBe("window");
  await client.frames(20);
  expect(client.events.filter(({ type }) => type === "error")).toEqual([]);
});

describe("what cannot be kept", () => {
  test.each([
    [{ window_frames: 7 }, "window_frames"],
    [{ sink_frames: 1 }, "sink_frames"],
    [{ policy: "tempcache", memory_slots: 2 }, "memory_slots"],
    [{ policy: "convkv", memory_slots: 8 }, "memory_slots"],
    [{ policy: "random", memory_slots: 5000 }, "memory_slots"],
    [{ policy: "convkv", kernel: "learned", grouping: "raster" }, "kernel"],
  ] as const)("%j is refused, naming %s, and changes nothing", async (change, path) => {
    const client = await play();
    client.send({ type: "cache.configure", event_id: "bad", ...change });

    const { error } = await client.event("input.rejected", ({ event_id }) => event_id === "bad");
    expect(error).toMatchObject({ code: "bad_parameter", detail: { path } });
    await client.frames(3);
    expect((await configured(client, {})).cache.policy).toBe("window");
  });

  test.each([
    [{ policy: "everything" }, "policy"],
    [{ threshold: 1.5 }, "threshold"],
    [{ every: 0 }, "every"],
    [{ memory_slots: 2 ** 21 }, "memory_slots"],
    [{ storage: "int2" }, "storage"],
    [{ match: 7 }, "match"],
  ])("%j is no message, naming %s", async (change, path) => {
    const client = await play();
    client.socket.send(JSON.stringify({ type: "cache.configure", event_id: "bad", ...change }));

    const { error } = await client.event("error", ({ event_id }) => event_id === "bad");
    expect(error).toMatchObject({ code: "bad_parameter", detail: { path } });
  });

  test("memory needs room beside the window of a model whose slots are not open", async () => {
    const client = await play("tiny-separable");
    client.send({ type: "cache.configure", event_id: "bad", policy: "random" });
    const { error } = await client.event("input.rejected", ({ event_id }) => event_id === "bad");
    expect(error.detail["path"]).toBe("window_frames");

    const { cache } = await configured(client, { policy: "random", window_frames: 10 });
    expect(cache.memory_slots).toBeGreaterThan(0);
    await client.frames(20);
  });

  test("whatever is asked is answered, in force or refused with its path, and pictures go on", async () => {
    const client = await play();
    const near = (most: number) =>
      fc.oneof(fc.integer({ min: -1, max: most }), fc.double(), fc.string({ maxLength: 3 }));
    const change = fc.record(
      {
        policy: fc.constantFrom("window", "tempcache", "convkv", "thin", "pool", "random", "none"),
        window_frames: near(8),
        sink_frames: near(2),
        memory_slots: near(200),
        threshold: fc.oneof(fc.double({ min: -0.5, max: 1.5 }), fc.constant("high")),
        match: fc.constantFrom("layer", "head", ""),
        kernel: fc.constantFrom("mean", "learned", null),
        grouping: fc.constantFrom("temporal", "raster"),
        every: near(1100),
        storage: fc.constantFrom("float32", "float16", "int8", "int4", "int1"),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(change, async (wanted) => {
        const event_id = `any-${ids++}`;
        client.socket.send(JSON.stringify({ type: "cache.configure", event_id, ...wanted }));
        const find = () => client.events.find((event) => isAnswer(event, event_id));
        await until(() => find() !== undefined, `an answer to ${JSON.stringify(wanted)}`);
        const answer = find();
        if (answer?.type === "cache.configured") {
          const kept = answer.cache.memory_slots === 0 ? { memory_slots: 0 } : {};
          expect(answer.cache).toMatchObject({ ...wanted, ...kept });
          return;
        }
        const refusal = answer?.type === "error" || answer?.type === "input.rejected";
        const error = refusal ? answer.error : undefined;
        expect(error?.code).toBe("bad_parameter");
        expect(FIELDS).toContain(error?.detail["path"]);
      }),
      { numRuns: 60 },
    );
    await client.frames(5);
    expect(client.closeCode).toBeUndefined();
  });
});

test("HTTP says what may be chosen and what is in force", async () => {
  const client = await play();
  await configured(client, { policy: "thin", every: 4 });
  const { session } = await client.event("session.created");

  const schema = (await (await service.fetch("/v1/models/tiny-open/cache")).json()) as {
    properties: Record<string, Record<string, unknown>>;
  };
  expect(schema.properties["memory_slots"]).toMatchObject({ minimum: 4, maximum: 4092 });
  expect(schema.properties["window_frames"]).toMatchObject({ minimum: 1, maximum: 6, default: 6 });
  expect(schema.properties["policy"]).toMatchObject({ default: "window" });
  const described = await (await service.fetch(`/v1/sessions/${session}`)).json();
  expect(described).toMatchObject({ cache: { policy: "thin", every: 4 } });
});
