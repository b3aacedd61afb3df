import fc from "fast-check";
import { expect, test } from "vitest";
import { fieldOf } from "../../../clients/console/fields.ts";
import { shortAge } from "../../../clients/console/memory/age-chart.ts";
import { POLICY_WORDS, slotsByKind } from "../../../clients/console/memory/kinds.ts";
import { withRoom } from "../../../clients/console/memory/room.ts";
import { SessionCache } from "../../../clients/web/session-cache.ts";
import { settle } from "../../../src/cache/choice.ts";
import type { CacheSettings, CacheStats, CacheSummary } from "../../../src/protocol/cache.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import { type ClientMessageInput, cacheSettingsSchema } from "../../../src/protocol/messages.ts";
import {
  cacheChangeOf,
  cacheSettingsOf,
  cacheSummaryOf,
} from "../../../src/server/cache-messages.ts";

const allowance = {
  framesPerBlock: 1,
  tokensPerFrame: 4,
  windowFrames: 7,
  sinkFrames: 1,
  mostSlots: 32,
  groupFrames: 4,
  compressors: [],
  isState: false,
  isHost: true,
  hashes: false,
};
const initial = { policy: "window", windowFrames: 7, sinkFrames: 1 } as const;
const NOW: CacheSettings = cacheSettingsOf(settle(initial, allowance));
const CACHE: CacheSummary = cacheSummaryOf({ allowance, initial });

test("a memory that is asked for gets room: the window gives way", () => {
  expect(withRoom({ policy: "tempcache" }, NOW, CACHE, 1)).toEqual({
    policy: "tempcache",
    window_frames: 3,
    memory_slots: 16,
  });
  expect(withRoom({ policy: "window" }, NOW, CACHE, 1)).toEqual({ policy: "window" });
});

test("a window that grows takes the memory's room", () => {
  const now: CacheSettings = { ...NOW, policy: "thin", window_frames: 3, memory_slots: 16 };
  expect(withRoom({ window_frames: 5 }, now, CACHE, 1)).toEqual({
    window_frames: 5,
    memory_slots: 8,
  });
  expect(withRoom({ threshold: 0.5 }, now, CACHE, 1)).toEqual({ threshold: 0.5 });
});

test("what the page asks for, the server takes: any policy, window and sinks of any model with room", () => {
  const models = fc
    .record({
      tokens: fc.constantFrom(1, 4, 16),
      windowFrames: fc.integer({ min: 1, max: 20 }),
      sinkFrames: fc.integer({ min: 0, max: 3 }),
      more: fc.integer({ min: 0, max: 400 }),
    })
    .map(({ tokens, windowFrames, sinkFrames, more }) => ({
      ...allowance,
      tokensPerFrame: tokens,
      windowFrames,
      sinkFrames,
      mostSlots: (windowFrames + sinkFrames) * tokens + more,
    }));
  fc.assert(
    fc.property(models, fc.nat(6), fc.nat(), fc.nat(3), (model, policy, window, sinks) => {
      const begun = { policy: "window", windowFrames: model.windowFrames, sinkFrames: 0 } as const;
      const summary = cacheSummaryOf({ allowance: model, initial: begun });
      const wanted = summary.policies[policy % summary.policies.length] ?? "window";
      const least = { ...begun, sinkFrames: Math.min(sinks, model.sinkFrames) };
      let choice = settle(least, model);
      const windowFrames = 1 + (window % model.windowFrames);
      for (const change of [{ policy: wanted }, { window_frames: windowFrames }]) {
        const asked = withRoom(change, cacheSettingsOf(choice), summary, 1);
        const said = Object.entries(cacheChangeOf(asked)).filter(
          ([, value]) => value !== undefined,
        );
        // Of a memory with no room beside the sinks the server says so.
        if ((asked.window_frames ?? 1) < 1) return;
        choice = settle({ ...choice, ...Object.fromEntries(said) }, model);
      }
      expect(choice.policy).toBe(wanted);
    }),
  );
});

test("every policy has words, and every setting a form's field", () => {
  const { properties } = cacheSettingsSchema();
  expect(Object.keys(POLICY_WORDS)).toEqual(properties["policy"]?.["enum"]);
  const kinds = Object.entries(properties).map(([name, schema]) => fieldOf(name, schema).kind);
  expect(new Set(kinds)).toEqual(new Set(["choices", "slider", "number"]));
  expect(fieldOf("threshold", properties["threshold"] ?? {})).toMatchObject({
    kind: "slider",
    step: 0.01,
  });
});

test("ages are short, and kinds are summed over them", () => {
  expect([1, 512, 1024, 16_384].map(shortAge)).toEqual(["1", "512", "1k", "16k"]);
  const none = { sink: 0, raw: 0, kept: 0, merged: 0, compressed: 0 };
  const bands = [
    { ...none, age: 1, raw: 4 },
    { ...none, age: 2, raw: 4, merged: 3 },
  ];
  expect(slotsByKind(bands)).toEqual({ ...none, raw: 8, merged: 3 });
});

test("the SDK's cache says what was asked, and shares one look among those who ask at once", async () => {
  const asked: ClientMessageInput[] = [];
  const stats = { type: "cache.stats", policy: "window" } as CacheStats;
  const accepted: ServerEvent = { type: "input.accepted", epoch: 1 };
  const cache = new SessionCache(NOW, (request) => {
    asked.push(request);
    return Promise.resolve(request.type === "cache.inspect" ? stats : accepted);
  });

  await cache.configure({ policy: "thin", every: 2 });
  await cache.reset({ keepSinks: true });
  expect(await Promise.all([cache.inspect(), cache.inspect()])).toEqual([stats, stats]);
  await cache.inspect();

  expect(asked).toEqual([
    { type: "cache.configure", policy: "thin", every: 2 },
    { type: "cache.reset", keep_sinks: true },
    { type: "cache.inspect" },
    { type: "cache.inspect" },
  ]);
});
