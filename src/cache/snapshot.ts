/** Freeze and thaw a cache: what is held, where it lies, and every fact about it. */

import { ByteReader, ByteWriter } from "../core/bytes.ts";
import { StreamError } from "../core/errors.ts";
import { askedBytes } from "./hashed-attention.ts";
import type { CacheLayout } from "./layout.ts";
import { SlotKind } from "./record.ts";
import type { RollingCache } from "./rolling-cache.ts";
import { runsOf, type Vectors } from "./store.ts";

/** Header: capacity, frames committed as a float64, and bytes of the buckets that were asked for. */
const HEADER_BYTES = 4 + 8 + 4;
/** Slot, position, count, token and kind. */
const FACT_BYTES = 4 + 8 + 4 + 4 + 1;

/** Facts about the held slots of one layer, in order of their place. */
interface HeldSlots {
  readonly slot: Uint32Array;
  readonly position: Float64Array;
  readonly count: Float32Array;
  readonly token: Uint32Array;
  readonly kind: Uint8Array;
}

const heldSlots = (length: number): HeldSlots => ({
  slot: new Uint32Array(length),
  position: new Float64Array(length),
  count: new Float32Array(length),
  token: new Uint32Array(length),
  kind: new Uint8Array(length),
});

const columnsOf = ({ slot, position, count, token, kind }: HeldSlots) =>
  [slot, position, count, token, kind] as const;

/** The bytes that `thawCache` brings `cache` back from, bit for bit. */
export async function freezeCache(cache: RollingCache): Promise<Uint8Array> {
  const { record, store, layout } = cache;
  const asked = cache.attention?.asked ?? new Uint8Array();
  const writer = new ByteWriter()
    .put(Uint32Array.of(record.capacity))
    .put(Float64Array.of(cache.committed))
    .put(Uint32Array.of(asked.length))
    .put(asked);
  const layers = Array.from({ length: layout.layers }, (_, layer) => heldIn(cache, layer));
  for (const held of layers) {
    writer.put(Uint32Array.of(held.slot.length));
    for (const column of columnsOf(held)) writer.put(column);
  }
  const vectors = await store.vectors();
  for (const [layer, { slot }] of layers.entries()) {
    for (const stretch of stretchesOf(vectors, layout, layer, slot)) writer.put(stretch);
  }
  return writer.finish();
}

function heldIn({ record }: RollingCache, layer: number): HeldSlots {
  const { facts } = record;
  const held = heldSlots(record.used(layer));
  let entry = 0;
  for (let slot = 0; slot < record.capacity; slot++) {
    const at = record.at(layer, slot);
    if (facts.kind[at] === SlotKind.empty) continue;
    held.slot[entry] = slot;
    for (const name of ["position", "count", "token", "kind"] as const) {
      held[name][entry] = facts[name][at] ?? 0;
    }
    entry += 1;
  }
  return held;
}

/** A frozen cache, checked and taken apart. */
export interface FrozenCache {
  readonly capacity: number;
  readonly committed: number;
  /** The buckets of the newest queries, where attention is hashed. */
  readonly asked: Uint8Array;
  readonly layers: readonly HeldSlots[];
  /** Keys and values. */
  readonly body: Uint8Array;
}

/**
 * Take frozen bytes apart.
 *
 * @throws {StreamError} `snapshot_invalid` when they are not of a cache with this layout, whose slots take
 *   `bytesPerSlot` bytes in a layer.
 */
export function parseFrozenCache(
  bytes: Uint8Array,
  layout: CacheLayout,
  bytesPerSlot: number,
): FrozenCache {
  const reader = new ByteReader(bytes);
  requireValid(reader.rest >= HEADER_BYTES, "the cache's part ends early");
  const [capacity = 0] = reader.fill(new Uint32Array(1));
  const [committed = 0] = reader.fill(new Float64Array(1));
  const { least, most } = layout.slots;
  requireValid(capacity >= least && capacity <= most, "it has too many or too few slots");
  requireValid(Number.isSafeInteger(committed) && committed >= 0, "its frame count is off");
  const [askedLength = 0] = reader.fill(new Uint32Array(1));
  const isAsked = askedLength === askedBytes(layout) && reader.rest >= askedLength;
  requireValid(askedLength === 0 || isAsked, "its buckets have a wrong length");
  const asked = reader.take(askedLength);
  const layers = Array.from({ length: layout.layers }, () => parseLayer(reader, capacity));
  for (const held of layers) requireSound(held, layout, capacity, committed);
  const slots = layers.reduce((n, { slot }) => n + slot.length, 0);
  const body = reader.take(reader.rest);
  requireValid(body.length === slots * bytesPerSlot, "the cache's part has a wrong length");
  return { capacity, committed, asked, layers, body };
}

function parseLayer(reader: ByteReader, capacity: number): HeldSlots {
  requireValid(reader.rest >= 4, "the cache's part ends early");
  const [length = 0] = reader.fill(new Uint32Array(1));
  requireValid(length <= capacity && reader.rest >= length * FACT_BYTES, "it holds too many slots");
  const held = heldSlots(length);
  for (const column of columnsOf(held)) reader.fill(column);
  return held;
}

function requireSound(
  held: HeldSlots,
  { tokensPerFrame }: CacheLayout,
  capacity: number,
  committed: number,
): void {
  const rising = held.slot.every((slot, i) => slot < capacity && slot > (held.slot[i - 1] ?? -1));
  requireValid(rising, "its slots overlap");
  const kinds: readonly number[] = Object.values(SlotKind).filter(
    (kind) => kind !== SlotKind.empty,
  );
  const known = held.kind.every((kind) => kinds.includes(kind));
  requireValid(known, "a slot's kind is unknown");
  const placed =
    held.token.every((token) => token < tokensPerFrame) &&
    held.position.every(
      (frame) => Number.isSafeInteger(frame) && frame >= 0 && frame < committed,
    ) &&
    held.count.every((count) => count >= 1 && Number.isFinite(count));
  requireValid(placed, "a slot's facts are off");
  const tokens = new Map<number, Set<number>>();
  for (const [i, kind] of held.kind.entries()) {
    if (kind !== SlotKind.sink && kind !== SlotKind.raw) continue;
    const frame = held.position[i] ?? 0;
    tokens.set(frame, (tokens.get(frame) ?? new Set()).add(held.token[i] ?? 0));
  }
  const whole = [...tokens.values()].every((seen) => seen.size === tokensPerFrame);
  requireValid(whole, "a frame lacks tokens");
}

/** Bring a cache of the same layout back to a frozen state; its policy stays. */
export async function thawCache(cache: RollingCache, frozen: FrozenCache): Promise<void> {
  const { record, store, layout } = cache;
  store.resize(frozen.capacity);
  record.hold(frozen.capacity, (facts) => {
    for (const [layer, held] of frozen.layers.entries()) {
      for (const [i, slot] of held.slot.entries()) {
        const at = layer * frozen.capacity + slot;
        for (const name of ["position", "count", "token", "kind"] as const) {
          facts[name][at] = held[name][i] ?? 0;
        }
      }
    }
  });
  store.clear();
  const vectors = await store.vectors();
  const reader = new ByteReader(frozen.body);
  for (const [layer, { slot }] of frozen.layers.entries()) {
    for (const stretch of stretchesOf(vectors, layout, layer, slot)) reader.fill(stretch);
  }
  store.load(vectors);
  cache.resume(frozen.committed);
  cache.attention?.resume(frozen.asked);
}

/** Keys and values of some slots of a layer by head and run of neighbours, as views. */
function* stretchesOf(
  vectors: Vectors,
  { heads }: CacheLayout,
  layer: number,
  slots: Uint32Array,
): Generator<ReturnType<Vectors["stretch"]>> {
  for (let row = layer * heads; row < (layer + 1) * heads; row++) {
    for (const { slot, length } of runsOf(slots)) {
      yield vectors.stretch("key", row, slot, length);
      yield vectors.stretch("value", row, slot, length);
    }
  }
}

function requireValid(condition: boolean, what: string): void {
  if (!condition) throw new StreamError("snapshot_invalid", `this is no snapshot: ${what}`);
}
