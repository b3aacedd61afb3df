/**
 * ConvKV: a long memory of fixed length. Frames that leave the window are folded, some frames at a time, into
 * the slots of one.
 *
 * Source: SoulX-LiveAct (arXiv:2603.11746): a strided depthwise convolution over un-rotated keys and raw values,
 * which begins as a mean. Keys and values have kernels of their own here.
 */

import type { CacheSpace, Memory } from "./policy.ts";
import { type RawFrame, SlotKind } from "./record.ts";
import type { HostStore, KeysAndValues } from "./store.ts";
import { freeOldest } from "./temp-cache.ts";
import { blend } from "./vectors.ts";

/** Which tokens are folded into one: those of one place over frames, or neighbours in one frame. */
export type Grouping = "temporal" | "raster";

/** Folds the tokens of `groupFrames` frames into those of one. */
export interface Compressor {
  readonly name: string;
  readonly grouping: Grouping;
  readonly groupFrames: number;
  /**
   * Shapes: [layers, heads, groupFrames · T, headDim], frame by frame, to [layers, heads, T, headDim].
   * Lifetime of the result: until the next call.
   */
  compress(group: KeysAndValues): Promise<KeysAndValues>;
}

/**
 * Groups of frames become compressed frames, `slots` slots in each layer, those of waiting frames included.
 *
 * A compressed slot stands for `groupFrames` tokens. When there are too many groups, the two neighbours that
 * stand for fewest tokens become one, by a mean that weighs them by their counts: the memory stays as long as
 * it is and grows coarser, evenly over all it has seen.
 */
export const convKv = (slots: number, compressor: Compressor): Memory => {
  const { groupFrames, grouping, name } = compressor;
  return {
    name: `convkv ${name} ${grouping} ${slots}`,
    slots,
    waiting: groupFrames - 1,
    take: async (leaving, space) => {
      const { tokensPerFrame } = space.record.layout;
      const most = Math.max(1, Math.floor(slots / tokensPerFrame) - (groupFrames - 1));
      for (let first = 0; first < leaving.length; first += groupFrames) {
        await foldFrames(leaving.slice(first, first + groupFrames), space, compressor);
        for (const layer of Array(space.record.layout.layers).keys()) {
          foldGroups(space, layer, most);
          freeOldest(space, layer, most * tokensPerFrame);
        }
      }
    },
  };
};

/** Replace the slots of some frames by those of one compressed frame. */
async function foldFrames(
  frames: readonly RawFrame[],
  space: CacheSpace,
  compressor: Compressor,
): Promise<void> {
  const { record, store } = space;
  const newest = frames.at(-1);
  if (store === undefined || newest === undefined) {
    throw new TypeError("compressing needs the floats in this process");
  }
  const folded = await compressor.compress(gather(frames, store));
  for (const frame of frames) record.dissolve(frame);
  for (const layer of Array(record.layout.layers).keys()) {
    const kept = targets(frames, layer, compressor.grouping);
    scatter(folded, { store, layer, slots: kept });
    const staying = new Set(kept);
    for (const slot of frames.flatMap(({ slots }) => [...(slots[layer] ?? [])])) {
      if (!staying.has(slot)) record.free(layer, slot);
    }
    const fact = { kind: SlotKind.compressed, count: frames.length, position: newest.frame };
    for (const [token, slot] of kept.entries()) {
      record.settle(layer, slot, fact);
      record.relabel(layer, slot, token);
    }
  }
}

/** Keys and values of some frames side by side, frame by frame. */
function gather(frames: readonly RawFrame[], store: HostStore): KeysAndValues {
  const { layers, heads, headDim, tokensPerFrame } = store.layout;
  const floats = layers * heads * frames.length * tokensPerFrame * headDim;
  const group = { key: new Float32Array(floats), value: new Float32Array(floats) };
  let to = 0;
  for (let row = 0; row < layers * heads; row++) {
    for (const frame of frames) {
      for (const slot of frame.slots[Math.floor(row / heads)] ?? []) {
        const from = store.at(row, slot);
        group.key.set(store.key.subarray(from, from + headDim), to);
        group.value.set(store.value.subarray(from, from + headDim), to);
        to += headDim;
      }
    }
  }
  return group;
}

/** Which slots of a layer the compressed tokens take: those of tokens they stand for. */
function targets(frames: readonly RawFrame[], layer: number, grouping: Grouping): number[] {
  const newest = [...(frames.at(-1)?.slots[layer] ?? [])];
  if (grouping === "temporal") return newest;
  const each = newest.length / frames.length;
  return newest.map((_, token) => {
    const frame = frames[Math.floor(token / each)];
    return frame?.slots[layer]?.[(token % each) * frames.length] ?? 0;
  });
}

function scatter(
  { key, value }: KeysAndValues,
  { store, layer, slots }: { store: HostStore; layer: number; slots: readonly number[] },
): void {
  const { heads, headDim } = store.layout;
  for (let row = layer * heads; row < (layer + 1) * heads; row++) {
    for (const [token, slot] of slots.entries()) {
      const from = (row * slots.length + token) * headDim;
      store.key.set(key.subarray(from, from + headDim), store.at(row, slot));
      store.value.set(value.subarray(from, from + headDim), store.at(row, slot));
    }
  }
  for (const slot of slots) store.wrote(layer, slot);
}

/** A compressed frame of one layer. */
interface Group {
  readonly position: number;
  readonly count: number;
  /** Its slots by token. */
  readonly slots: ReadonlyMap<number, number>;
}

/** Let neighbours become one until at most `most` groups of a layer are left. */
function foldGroups(space: CacheSpace, layer: number, most: number): void {
  let groups = groupsOf(space, layer);
  while (groups.length > most) {
    const sums = groups.slice(1).map((group, i) => group.count + (groups[i]?.count ?? 0));
    const first = sums.indexOf(Math.min(...sums));
    const [older, newer] = groups.slice(first, first + 2);
    if (older === undefined || newer === undefined) return;
    foldInto(space, layer, older, newer);
    groups = groupsOf(space, layer);
  }
}

/** Compressed frames of a layer, oldest first. */
function groupsOf({ record }: CacheSpace, layer: number): Group[] {
  const { facts } = record;
  const found = new Map<number, { count: number; slots: Map<number, number> }>();
  for (const slot of record.memorySlots(layer)) {
    const at = record.at(layer, slot);
    if (facts.kind[at] !== SlotKind.compressed) continue;
    const position = facts.position[at] ?? 0;
    const group = found.get(position) ?? { count: facts.count[at] ?? 1, slots: new Map() };
    group.slots.set(facts.token[at] ?? 0, slot);
    found.set(position, group);
  }
  return [...found.entries()]
    .map(([position, group]) => ({ position, ...group }))
    .sort((a, b) => a.position - b.position);
}

function foldInto({ record, store, tally }: CacheSpace, layer: number, older: Group, newer: Group) {
  if (store === undefined) return;
  const count = older.count + newer.count;
  for (const [token, to] of newer.slots) {
    const from = older.slots.get(token);
    if (from === undefined) continue;
    blend(store, "key", { layer, from, to }, older.count / count);
    tally.add(blend(store, "value", { layer, from, to }, older.count / count), older.count);
    store.wrote(layer, to);
    record.settle(layer, to, { count });
  }
  for (const slot of older.slots.values()) record.free(layer, slot);
}
