/** Freeze and thaw a cache: the held pages, where they lie, and every fact about their slots. */

import { ByteReader, ByteWriter } from "../core/bytes.ts";
import { StreamError } from "../core/errors.ts";
import { bytesPerSlot, type CacheLayout, floatsPerSlot, slotCount } from "./layout.ts";
import { type CacheRecord, SlotKind } from "./record.ts";
import type { RollingCache } from "./rolling-cache.ts";
import type { KeysAndValues } from "./store.ts";

/** Header: pages held, and frames committed as a float64. */
const HEADER_BYTES = 4 + 8;
/** Position, count and kind of a slot. */
const FACT_BYTES = 8 + 4 + 1;

/** The bytes that `thawCache` brings `cache` back from, bit for bit. */
export async function freezeCache(cache: RollingCache): Promise<Uint8Array> {
  const { record, store } = cache;
  const all = await store.read();
  const writer = new ByteWriter()
    .put(Uint32Array.of(record.held.length))
    .put(Float64Array.of(cache.committed))
    .put(Uint32Array.from(record.held));
  for (const page of record.held) {
    for (const facts of factsOf(record, page)) writer.put(facts);
    for (const stretch of stretchesOf(all, record.layout, page)) writer.put(stretch);
  }
  return writer.finish();
}

/** A frozen cache, checked and taken apart. */
export interface FrozenCache {
  readonly pages: readonly number[];
  readonly committed: number;
  /** The pages' facts and floats. */
  readonly body: Uint8Array;
}

/**
 * Take frozen bytes apart.
 *
 * @throws {StreamError} `snapshot_invalid` when they are not of a cache with this layout.
 */
export function parseFrozenCache(bytes: Uint8Array, layout: CacheLayout): FrozenCache {
  const reader = new ByteReader(bytes);
  requireValid(reader.rest >= HEADER_BYTES, "the cache's part ends early");
  const [held = 0] = reader.fill(new Uint32Array(1));
  const [committed = 0] = reader.fill(new Float64Array(1));
  requireValid(held <= layout.frames && reader.rest >= 4 * held, "it holds too many pages");
  const pages = [...reader.fill(new Uint32Array(held))];
  const distinct = new Set(pages).size === held && pages.every((page) => page < layout.frames);
  requireValid(distinct, "its pages overlap");
  requireValid(Number.isSafeInteger(committed) && committed >= held, "its frame count is off");
  const body = reader.take(reader.rest);
  requireValid(body.length === held * pageBytes(layout), "the cache's part has a wrong length");
  requireValid(kindsHold(body, layout), "a slot's kind is unknown");
  return { pages, committed, body };
}

/** Bring a cache of the same layout back to a frozen state; its policy stays. */
export function thawCache(cache: RollingCache, { pages, committed, body }: FrozenCache): void {
  const { record, store } = cache;
  const floats = slotCount(record.layout) * floatsPerSlot(record.layout);
  const all = { key: new Float32Array(floats), value: new Float32Array(floats) };
  const reader = new ByteReader(body);
  record.hold(pages);
  for (const page of pages) {
    for (const facts of factsOf(record, page)) reader.fill(facts);
    for (const stretch of stretchesOf(all, record.layout, page)) reader.fill(stretch);
  }
  store.load(all);
  cache.resume(committed);
}

const pageBytes = (layout: CacheLayout): number =>
  layout.tokensPerFrame * (FACT_BYTES + bytesPerSlot(layout));

/** Whether every slot of the frozen pages holds something of a known kind. */
function kindsHold(body: Uint8Array, layout: CacheLayout): boolean {
  const { tokensPerFrame } = layout;
  const known: readonly number[] = [SlotKind.sink, SlotKind.raw];
  const kindsAt = (FACT_BYTES - 1) * tokensPerFrame;
  for (let at = kindsAt; at < body.length; at += pageBytes(layout)) {
    if (!body.subarray(at, at + tokensPerFrame).every((kind) => known.includes(kind))) return false;
  }
  return true;
}

/** The facts about one page's slots, as views into the record. */
function factsOf(record: CacheRecord, page: number) {
  const { tokensPerFrame } = record.layout;
  const [from, to] = [page * tokensPerFrame, (page + 1) * tokensPerFrame];
  return [
    record.position.subarray(from, to),
    record.count.subarray(from, to),
    record.kind.subarray(from, to),
  ] as const;
}

/** One page's keys and values by layer and head, as views. */
function* stretchesOf(
  { key, value }: KeysAndValues,
  layout: CacheLayout,
  page: number,
): Generator<Float32Array> {
  const { layers, heads, headDim, tokensPerFrame } = layout;
  for (let row = 0; row < layers * heads; row++) {
    const from = (row * slotCount(layout) + page * tokensPerFrame) * headDim;
    const to = from + tokensPerFrame * headDim;
    yield key.subarray(from, to);
    yield value.subarray(from, to);
  }
}

function requireValid(condition: boolean, what: string): void {
  if (!condition) throw new StreamError("snapshot_invalid", `this is no snapshot: ${what}`);
}
