/** Between the cache's own words and the protocol's. */

import {
  type CacheAllowance,
  type CacheChoice,
  possibleAttentions,
  possiblePolicies,
  possibleStorages,
  type SettledChoice,
  settle,
} from "../cache/choice.ts";
import { StreamError } from "../core/errors.ts";
import type { ModelCache } from "../models/model.ts";
import type {
  CacheAge,
  CacheSettings,
  CacheSettingsChange,
  CacheStats,
  CacheSummary,
} from "../protocol/cache.ts";
import type { ServerEvent } from "../protocol/events.ts";
import { cacheSettingsSchema, type ObjectSchema } from "../protocol/messages.ts";
import type { CacheChanged, SessionEvent } from "../stream/events.ts";
import type { CacheChange } from "../stream/parameters.ts";
import type { CacheView } from "../stream/session-cache.ts";

/** What a cache keeps, as clients read it. */
export const cacheSettingsOf = (choice: SettledChoice): CacheSettings => ({
  policy: choice.policy,
  window_frames: choice.windowFrames,
  sink_frames: choice.sinkFrames,
  memory_slots: choice.memorySlots,
  threshold: choice.threshold,
  match: choice.match,
  kernel: choice.kernel,
  grouping: choice.grouping,
  every: choice.every,
  storage: choice.storage,
  attention: choice.attention,
});

/** A change of what a cache keeps, as a session takes it. */
export const cacheChangeOf = (change: CacheSettingsChange): CacheChange => ({
  policy: change.policy,
  windowFrames: change.window_frames,
  sinkFrames: change.sink_frames,
  memorySlots: change.memory_slots,
  threshold: change.threshold,
  match: change.match,
  kernel: change.kernel,
  grouping: change.grouping,
  every: change.every,
  storage: change.storage,
  attention: change.attention,
});

/** What clients are told of a model's cache. */
export function cacheSummaryOf({ allowance, initial }: ModelCache): CacheSummary {
  return {
    window_frames: allowance.windowFrames,
    sink_frames: allowance.sinkFrames,
    tokens_per_frame: allowance.tokensPerFrame,
    most_slots: allowance.mostSlots,
    open_slots: allowance.mostSlots > slotsOf(allowance, allowance),
    group_frames: allowance.groupFrames,
    compressors: allowance.compressors,
    policies: possiblePolicies(allowance),
    storages: possibleStorages(allowance),
    attentions: possibleAttentions(allowance),
    initial: cacheSettingsOf(settle(initial, allowance)),
  };
}

/** Slots of a layer that so many frames take as they come. */
const slotsOf = (
  { sinkFrames, windowFrames }: Pick<CacheChoice, "sinkFrames" | "windowFrames">,
  { tokensPerFrame }: CacheAllowance,
): number => (sinkFrames + windowFrames) * tokensPerFrame;

/** JSON Schema of what may be chosen of a model's cache: the protocol's, narrowed to what it can do. */
export function cacheSchemaOf({ allowance, initial }: ModelCache): ObjectSchema {
  const schema = cacheSettingsSchema();
  const { framesPerBlock, windowFrames, sinkFrames, tokensPerFrame, mostSlots } = allowance;
  const least = { windowFrames: framesPerBlock, sinkFrames: 0 };
  const narrowed: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    policy: { enum: possiblePolicies(allowance) },
    window_frames: { minimum: framesPerBlock, maximum: windowFrames },
    sink_frames: { minimum: 0, maximum: sinkFrames },
    memory_slots: {
      minimum: tokensPerFrame,
      maximum: mostSlots - slotsOf(least, allowance),
      step: tokensPerFrame,
    },
    kernel: { enum: allowance.compressors.length === 0 ? ["mean"] : ["mean", "learned"] },
    storage: { enum: possibleStorages(allowance) },
    attention: { enum: possibleAttentions(allowance) },
  };
  const settings = Object.entries(cacheSettingsOf(settle(initial, allowance)));
  const defaults = Object.fromEntries(settings);
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [
      name,
      { ...property, ...narrowed[name], default: defaults[name] },
    ]),
  );
  return { ...schema, properties };
}

/** `cache.stats`, as an answer to `eventId`. */
export const cacheStatsMessage = (
  { choice, report, inspection }: CacheView,
  eventId?: string,
): CacheStats => ({
  type: "cache.stats",
  ...(eventId !== undefined && { event_id: eventId }),
  policy: choice.policy,
  storage: choice.storage,
  bytes: report.bytes,
  slots: report.slots,
  capacity: report.capacity,
  frames: inspection.frames,
  ratio: inspection.ratio,
  recall: inspection.recall,
  error: inspection.error,
  ages: inspection.ages.map(({ age, slots }) => {
    const [sink = 0, raw = 0, kept = 0, merged = 0, compressed = 0] = slots;
    return { age, sink, raw, kept, merged, compressed } satisfies CacheAge;
  }),
});

type CacheEvent = Extract<SessionEvent, CacheChanged>;

/** Whether `event` tells what became of the cache. */
export const isCacheEvent = (event: SessionEvent): event is CacheEvent =>
  event.type === "cache-configured" ||
  event.type === "cache-reset" ||
  event.type === "cache-refused";

/** What everybody is told when their session says `event`. */
export function cacheMessage(event: CacheEvent): ServerEvent {
  const { eventIds: event_ids, at, report } = event;
  const base = { event_ids, block: at.block, pts: at.pts, report };
  switch (event.type) {
    case "cache-configured":
      return { type: "cache.configured", ...base, cache: cacheSettingsOf(event.choice) };
    case "cache-reset":
      return { type: "cache.reset", ...base, keep_sinks: event.keepSinks };
    case "cache-refused":
      return refusalMessage(event.error, event_ids.at(-1));
  }
}

/** The engine cannot keep what `eventId` asked for: everybody hears it, so the id is a detail. */
function refusalMessage(cause: StreamError, eventId: string | undefined): ServerEvent {
  const { detail, ...said } = renamed(cause).serialise();
  const echo = eventId === undefined ? {} : { event_id: eventId };
  return { type: "error", error: { ...said, detail: { ...detail, ...echo } } };
}

/**
 * Do `work`; what it refuses of a cache is named as clients name it: `window_frames` where the cache says
 * `cache.windowFrames`, below `parent` where clients write it there.
 *
 * @throws what `work` does.
 */
export function inProtocolWords<T>(work: () => T, parent?: string): T {
  try {
    return work();
  } catch (cause) {
    throw StreamError.is(cause) ? renamed(cause, parent) : cause;
  }
}

/** How the cache's errors name its fields. */
const CACHE = "cache.";

function renamed(error: StreamError, parent?: string): StreamError {
  const { path } = error.detail;
  if (typeof path !== "string" || !path.startsWith(CACHE)) return error;
  const own = path.slice(CACHE.length).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return new StreamError(error.code, error.message.replace(path, own), {
    recovery: error.recovery,
    detail: { ...error.detail, path: parent === undefined ? own : `${parent}.${own}` },
    cause: error,
  });
}
