import type { CacheSettings, CacheSettingsChange, CacheSummary } from "../../web/index.ts";

/** Windows' worth of memory that a policy begins with where nothing was said of it. */
const USUAL_WINDOWS = 2;

/** Whether a policy keeps anything of what left the window. */
export const hasMemory = ({ policy }: Pick<CacheSettings, "policy">): boolean =>
  policy !== "window" && policy !== "full" && policy !== "state";

/** Slots of a layer that a memory has at least and at most beside these sinks and this window. */
export function memoryRoom(
  { policy, window_frames, sink_frames }: CacheSettings,
  { tokens_per_frame, most_slots, group_frames }: CacheSummary,
): { readonly low: number; readonly high: number } {
  const low = (policy === "convkv" ? group_frames : 1) * tokens_per_frame;
  return { low, high: most_slots - (sink_frames + window_frames) * tokens_per_frame };
}

/**
 * `wanted` and what must give way for it: a window that leaves a memory no room shrinks to half of the model's
 * when the memory is what was asked for, and a memory shrinks to the room there is.
 */
export function withRoom(
  wanted: CacheSettingsChange,
  now: CacheSettings,
  cache: CacheSummary,
  framesPerBlock: number,
): CacheSettingsChange {
  const next = { ...now, ...wanted } as CacheSettings;
  if (!hasMemory(next)) return wanted;
  const { tokens_per_frame: tokens, most_slots: most } = cache;
  const { low, high } = memoryRoom(next, cache);
  const isTight = high < low;
  const largest = Math.floor((most - low) / tokens) - next.sink_frames;
  const half = Math.max(framesPerBlock, Math.floor(cache.window_frames / 2));
  const window_frames = isTight ? Math.min(largest, half) : next.window_frames;
  const room = memoryRoom({ ...next, window_frames }, cache).high;
  const usual = USUAL_WINDOWS * cache.window_frames * tokens;
  const slots = next.memory_slots === 0 ? usual : next.memory_slots;
  const memory_slots = Math.max(low, Math.min(slots, room));
  return {
    ...wanted,
    ...(isTight && { window_frames }),
    ...(memory_slots !== now.memory_slots && { memory_slots }),
  };
}
