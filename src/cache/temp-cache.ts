/**
 * TempCache: tokens that correspond over time share one slot.
 *
 * Source: TempCache (arXiv:2602.01801). A group of m tokens keeps its newest key and the mean of its values, and
 * log m is added to its score: where the keys are equal, attention answers exactly what it answers over the m
 * tokens apart.
 */

import type { CacheSpace, Memory } from "./policy.ts";
import { SlotKind } from "./record.ts";
import { blend, keyCosine, leastHeadCosine } from "./vectors.ts";

/** How tokens are matched and how many slots they may have. */
export interface TempCacheOptions {
  /** Slots of memory in each layer. */
  readonly slots: number;
  /** Tokens whose un-rotated keys have a larger cosine are one. */
  readonly threshold: number;
  /** `layer`: over the keys of all heads as one. `head`: every head must agree. */
  readonly match: "layer" | "head";
  /** A part to leave out, to see what it does. */
  readonly ablation?: Ablation;
}

/** `count`: a merged slot weighs as one token. `key`: its key is a mean. `value`: its value is the newest. */
export type Ablation = "count" | "key" | "value";

/**
 * Frames that leave the window are merged, token by token and layer by layer, into the memory's slots.
 *
 * A token is compared with the slots of its own place in the frame alone, so that matching costs a small part
 * of a pass however long the memory is. Sinks and the window are never merged. When a layer has more than
 * `slots`, those that matched nothing for longest are freed.
 */
export const tempCache = (options: TempCacheOptions): Memory => ({
  name: `tempcache ${options.slots}${options.ablation === undefined ? "" : ` without ${options.ablation}`}`,
  slots: options.slots,
  weighsCounts: options.ablation !== "count",
  waiting: 0,
  take: (leaving, space) => {
    const { record, store } = space;
    if (store === undefined) throw new TypeError("merging needs the floats in this process");
    const cosine = options.match === "head" ? leastHeadCosine : keyCosine;
    for (const frame of leaving) {
      record.dissolve(frame);
      for (const [layer, slots] of frame.slots.entries()) {
        const places = slotsByPlace(space, layer);
        for (const [token, slot] of slots.entries()) {
          const place = places[token] ?? [];
          const found = best(place, (other) => cosine(store, layer, slot, other));
          if (found !== undefined && found.score > options.threshold) {
            fold(space, { layer, from: slot, to: found.slot }, options.ablation);
          } else record.settle(layer, slot, { kind: SlotKind.merged });
        }
        freeOldest(space, layer, options.slots);
      }
    }
  },
});

/** The memory's slots of a layer by the place in a frame that they stand for. */
function slotsByPlace({ record }: CacheSpace, layer: number): number[][] {
  const { tokensPerFrame } = record.layout;
  const places = Array.from({ length: tokensPerFrame }, (): number[] => []);
  for (const slot of record.memorySlots(layer)) {
    places[record.facts.token[record.at(layer, slot)] ?? 0]?.push(slot);
  }
  return places;
}

function best(
  slots: readonly number[],
  scoreOf: (slot: number) => number,
): { readonly slot: number; readonly score: number } | undefined {
  let found: { slot: number; score: number } | undefined;
  for (const slot of slots) {
    const score = scoreOf(slot);
    if (found === undefined || score > found.score) found = { slot, score };
  }
  return found;
}

/** Merge one token into a slot, and free its own. */
function fold(
  { record, store, tally }: CacheSpace,
  { layer, from, to }: { readonly layer: number; readonly from: number; readonly to: number },
  ablation: Ablation | undefined,
): void {
  if (store === undefined) return;
  const source = record.at(layer, from);
  const count = record.facts.count[record.at(layer, to)] ?? 1;
  const added = record.facts.count[source] ?? 1;
  const share = added / (count + added);
  const error = blend(store, "value", { layer, from, to }, ablation === "value" ? 1 : share);
  blend(store, "key", { layer, from, to }, ablation === "key" ? share : 1);
  store.wrote(layer, to);
  tally.add(error, added);
  record.settle(layer, to, {
    position: record.facts.position[source] ?? 0,
    count: count + added,
  });
  record.free(layer, from);
}

/** Free the memory's oldest slots of a layer until at most `most` are left. */
export function freeOldest({ record }: CacheSpace, layer: number, most: number): void {
  const excess = record.memory(layer) - most;
  if (excess <= 0) return;
  const { position } = record.facts;
  const byAge = [...record.memorySlots(layer)].sort(
    (a, b) => (position[record.at(layer, a)] ?? 0) - (position[record.at(layer, b)] ?? 0) || a - b,
  );
  for (const slot of byAge.slice(0, excess)) record.free(layer, slot);
}
