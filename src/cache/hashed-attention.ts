/**
 * Attention that reads a part of the cache: the slots that share a bucket with a query.
 *
 * Source: AnnSA (arXiv:2602.01801). There each query has keys of its own; a graph has one axis of slots for all of its
 * queries, so here a slot is read by all of a pass or by none, and the queries of the pass before stand in for those
 * of the coming one.
 */

import { BUCKET_SIZES, BucketHash, BucketSet, type BucketSizes } from "./buckets.ts";
import { copyRows, type GatheredSlots, GatheringRoom } from "./gathered-slots.ts";
import { type CacheLayout, rowCount } from "./layout.ts";
import { type CacheRecord, SlotKind } from "./record.ts";
import type { RotaryTables } from "./rotary.ts";
import { SlotCodes } from "./slot-codes.ts";
import { EMPTY_BIAS, type SlotTables } from "./slot-tables.ts";
import type { HostStore, KeyValueStore } from "./store.ts";

/** What is read in parts. */
export interface HashableCache {
  readonly layout: CacheLayout;
  readonly record: CacheRecord;
  readonly store: KeyValueStore;
  readonly tables: SlotTables;
  readonly committed: number;
  /** Write the rotary tables of the way from the memory to a pass's own `frames` frames. */
  writeDistances(tables: RotaryTables, frames: number): void;
}

/**
 * Decides before every pass which slots it reads. Nothing is forgotten: the next pass decides anew.
 *
 * Sinks and the newest `windowFrames` frames are always read, whatever else is where a key shares a bucket with a
 * query of its head in one head at least. Keys are hashed un-rotated and once, queries turned by the way from the
 * memory to their frame, so that their angle is the one attention sees. Until a pass has answered its queries,
 * everything is read.
 */
export class HashedAttention {
  /** The newest frames that are always read. */
  windowFrames = 0;
  readonly #cache: HashableCache;
  readonly #hash: BucketHash;
  readonly #asked: BucketSet;
  #hasAsked = false;
  #codes: SlotCodes;
  #room: GatheringRoom;
  /** Room for what is chosen, by layer. */
  #chosen: readonly Uint32Array[];

  constructor(cache: HashableCache, sizes: BucketSizes = BUCKET_SIZES) {
    const { layout, record } = cache;
    this.#cache = cache;
    this.#hash = new BucketHash(layout.headDim, sizes);
    this.#asked = new BucketSet(rowCount(layout), this.#hash);
    this.#codes = new SlotCodes(layout, record.capacity, this.#hash.tables);
    this.#room = new GatheringRoom(layout, record.capacity);
    this.#chosen = roomToChoose(layout, record.capacity);
  }

  /** The slots that the next pass reads. Lifetime: until the next call. */
  gather(): GatheredSlots {
    const { layout, record } = this.#cache;
    if (record.capacity !== this.#room.capacity) {
      this.#room = new GatheringRoom(layout, record.capacity);
      this.#codes = this.#codes.resized(record.capacity);
      this.#chosen = roomToChoose(layout, record.capacity);
    }
    const chosen = Array.from({ length: layout.layers }, (_, layer) => this.#choose(layer));
    const gathered = this.#room.of(Math.max(...chosen.map(({ length }) => length)));
    for (const [layer, slots] of chosen.entries()) this.#copy(layer, slots, gathered);
    return gathered;
  }

  /** Take in the queries of a pass over `frames` frames: [layers, heads, tokens, headDim], normed, not rotated. */
  hear(queries: Float32Array, frames: number): void {
    const { headDim, tokensPerFrame, position } = this.#cache.layout;
    const tokens = frames * tokensPerFrame;
    const half = position.rotaryDim / 2;
    const turns = { cos: new Float32Array(tokens * half), sin: new Float32Array(tokens * half) };
    this.#cache.writeDistances(turns, frames);
    const turned = new Float32Array(headDim);
    const codes = new Uint16Array(this.#hash.tables);
    this.#asked.bytes.fill(0);
    for (let at = 0; at < queries.length / headDim; at++) {
      turned.set(queries.subarray(at * headDim, (at + 1) * headDim));
      turn(turned, turns, (at % tokens) * half, half);
      this.#hash.write(turned, 0, codes, 0);
      this.#asked.add(Math.floor(at / tokens), codes, 0);
    }
    this.#hasAsked = true;
  }

  /** The keys are others than they were: hash them anew. */
  renew(): void {
    this.#codes = new SlotCodes(this.#cache.layout, this.#cache.record.capacity, this.#hash.tables);
  }

  /** Begin again: nothing was asked yet. */
  clear(): void {
    this.renew();
    this.#asked.bytes.fill(0);
    this.#hasAsked = false;
  }

  /** The buckets of the newest queries, or nothing before there were any. For snapshots. */
  get asked(): Uint8Array {
    return this.#hasAsked ? this.#asked.bytes : new Uint8Array();
  }

  /** Go on from what `asked` once was. */
  resume(asked: Uint8Array): void {
    this.clear();
    this.#asked.bytes.set(asked);
    this.#hasAsked = asked.length > 0;
  }

  /** Slots of a layer to read, in order. */
  #choose(layer: number): Uint32Array {
    const { layout, record, committed } = this.#cache;
    const { kind, position } = record.facts;
    const { heads } = layout;
    const { codes } = this.#codes;
    const each = heads * this.#hash.tables;
    const oldest = committed - this.windowFrames;
    const slots = this.#chosen[layer] ?? new Uint32Array();
    if (this.#hasAsked) this.#hashLayer(layer, oldest);
    let count = 0;
    for (let slot = 0, at = record.at(layer, 0); slot < slots.length; slot++, at++) {
      if (kind[at] === SlotKind.empty) continue;
      const isAlways = !this.#hasAsked || isKept(kind[at], position[at], oldest);
      if (isAlways || this.#asked.shares(layer * heads, heads, codes, at * each)) {
        slots[count++] = slot;
      }
    }
    return slots.subarray(0, count);
  }

  /** Hash what a layer holds of frames before `oldest` and was not hashed yet. */
  #hashLayer(layer: number, oldest: number): void {
    const { layout, record, store } = this.#cache;
    const { kind, position } = record.facts;
    const { heads, headDim } = layout;
    const { tables } = this.#hash;
    const key = hostOf(store).key;
    for (let slot = 0, at = record.at(layer, 0); slot < record.capacity; slot++, at++) {
      if (kind[at] === SlotKind.empty || isKept(kind[at], position[at], oldest)) continue;
      if (!this.#codes.isStale(at, record.facts)) continue;
      for (let head = 0; head < heads; head++) {
        const vector = ((layer * heads + head) * record.capacity + slot) * headDim;
        this.#hash.write(key, vector, this.#codes.codes, (at * heads + head) * tables);
      }
      this.#codes.stamp(at, record.facts);
    }
  }

  #copy(layer: number, slots: Uint32Array, to: GatheredSlots): void {
    const { layout, record, store, tables } = this.#cache;
    const { heads, headDim, position } = layout;
    const { key, value } = hostOf(store);
    const { capacity } = record;
    const half = position.rotaryDim / 2;
    const [from, into] = [layer * capacity, layer * to.slots];
    copyRows(tables.bias, from, to.bias, into, slots, 1);
    copyRows(tables.cos, from, to.cos, into, slots, half);
    copyRows(tables.sin, from, to.sin, into, slots, half);
    for (let row = layer * heads; row < (layer + 1) * heads; row++) {
      copyRows(key, row * capacity, to.key, row * to.slots, slots, headDim);
      copyRows(value, row * capacity, to.value, row * to.slots, slots, headDim);
    }
    to.bias.fill(EMPTY_BIAS, into + slots.length, into + to.slots);
  }
}

const roomToChoose = ({ layers }: CacheLayout, capacity: number): readonly Uint32Array[] =>
  Array.from({ length: layers }, () => new Uint32Array(capacity));

/** Whether a slot is read whatever is asked: a sink, or of a frame from `oldest` on. */
const isKept = (kind = 0, position = 0, oldest: number): boolean =>
  kind === SlotKind.sink || position >= oldest;

function hostOf({ host }: KeyValueStore): HostStore {
  if (host === undefined) throw new TypeError("hashing needs the floats in this process");
  return host;
}

/** Bytes of `asked` where something was. */
export const askedBytes = (
  layout: CacheLayout,
  { tables, bits }: BucketSizes = BUCKET_SIZES,
): number => rowCount(layout) * tables * 2 ** bits;

/** Turn the first dims of a vector: halves (a, b) become (a·cos − b·sin, b·cos + a·sin). */
function turn(vector: Float32Array, { cos, sin }: RotaryTables, at: number, half: number): void {
  for (let i = 0; i < half; i++) {
    const [a, b] = [vector[i] ?? 0, vector[half + i] ?? 0];
    const [c, s] = [cos[at + i] ?? 1, sin[at + i] ?? 0];
    vector[i] = a * c - b * s;
    vector[half + i] = b * c + a * s;
  }
}
