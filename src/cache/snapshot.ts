/** Freeze and thaw a cache: the held pages, where they lie, and every fact about their slots. */

import { ByteReader, ByteWriter } from "../core/bytes.ts";
import { StreamError } from "../core/errors.ts";
import { bytesPerSlot, type CacheLayout, slotCount } from "./layout.ts";
import { type CacheRecord, SlotKind } from "./record.ts";
import type { RollingCache } from "./rolling-cache.ts";

const KINDS: ReadonlySet<number> = new Set(Object.values(SlotKind));
/** Header: pages held, and frames committed as a float64. */
const HEADER_BYTES = 4 + 8;
/** Position, count and kind of a slot. */
const FACT_BYTES = 8 + 4 + 1;

/** The bytes that `thawCache` brings `cache` back from, bit for bit. */
export function freezeCache(cache: RollingCache): Uint8Array {
  const { record } = cache;
  const pages = Uint32Array.from(record.held);
  const writer = new ByteWriter()
    .put(Uint32Array.of(pages.length))
    .put(Float64Array.of(cache.committed))
    .put(pages);
  for (const page of pages) {
    for (const part of partsOf(record, page)) writer.put(part);
  }
  return writer.finish();
}

/**
 * Bring a cache of the same layout back to a frozen state; its policy stays.
 *
 * @throws {StreamError} `snapshot_invalid`; nothing is changed then.
 */
export function thawCache(cache: RollingCache, bytes: Uint8Array): void {
  const { record } = cache;
  const reader = new ByteReader(bytes);
  const { pages, committed } = readHeader(reader, record.layout);
  requireValid(
    reader.rest === pages.length * pageBytes(record.layout),
    "the cache's part has a wrong length",
  );
  requireValid(
    factsHold(bytes.subarray(bytes.length - reader.rest), record.layout),
    "a slot's kind is unknown",
  );
  record.hold([...pages]);
  for (const page of pages) {
    for (const part of partsOf(record, page)) reader.fill(part);
  }
  cache.resume(committed);
}

const pageBytes = (layout: CacheLayout): number =>
  layout.tokensPerFrame * (FACT_BYTES + bytesPerSlot(layout));

function readHeader(
  reader: ByteReader,
  layout: CacheLayout,
): { readonly pages: Uint32Array; readonly committed: number } {
  requireValid(reader.rest >= HEADER_BYTES, "the cache's part ends early");
  const [held = 0] = reader.fill(new Uint32Array(1));
  const [committed = 0] = reader.fill(new Float64Array(1));
  requireValid(held <= layout.frames && reader.rest >= 4 * held, "it holds too many pages");
  const pages = reader.fill(new Uint32Array(held));
  const distinct = new Set(pages).size === held && pages.every((page) => page < layout.frames);
  requireValid(distinct, "its pages overlap");
  requireValid(Number.isSafeInteger(committed) && committed >= held, "its frame count is off");
  return { pages, committed };
}

/** Whether every slot of the frozen pages has a kind there is. */
function factsHold(frozen: Uint8Array, layout: CacheLayout): boolean {
  const { tokensPerFrame } = layout;
  for (let at = 12 * tokensPerFrame; at < frozen.length; at += pageBytes(layout)) {
    const kinds = frozen.subarray(at, at + tokensPerFrame);
    if (!kinds.every((kind) => kind !== SlotKind.empty && KINDS.has(kind))) return false;
  }
  return true;
}

/** Everything about one page, as views into the record: facts, then keys and values by layer and head. */
function* partsOf(record: CacheRecord, page: number) {
  const { layers, heads, headDim, tokensPerFrame } = record.layout;
  const [from, to] = [page * tokensPerFrame, (page + 1) * tokensPerFrame];
  yield record.position.subarray(from, to);
  yield record.count.subarray(from, to);
  yield record.kind.subarray(from, to);
  for (let row = 0; row < layers * heads; row++) {
    const base = row * slotCount(record.layout);
    yield record.key.subarray((base + from) * headDim, (base + to) * headDim);
    yield record.value.subarray((base + from) * headDim, (base + to) * headDim);
  }
}

function requireValid(condition: boolean, what: string): void {
  if (!condition) throw new StreamError("snapshot_invalid", `this is no snapshot: ${what}`);
}
