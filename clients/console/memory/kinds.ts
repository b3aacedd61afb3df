/** Kinds of slots and policies of caches, as people read them. */

import type { CacheAge, CachePolicyName, CacheStorageName } from "../../web/index.ts";

/** How a slot came to be what it is. */
export type SlotKind = Exclude<keyof CacheAge, "age">;

/** Every kind, from what was there first to what was made last; charts stack them in this order. */
export const SLOT_KINDS: readonly SlotKind[] = ["sink", "raw", "kept", "merged", "compressed"];

/** What a kind is called, and what it means. */
export const KIND_WORDS: Readonly<Record<SlotKind, { name: string; hint: string }>> = {
  sink: { name: "Sinks", hint: "Tokens of the first frames, which never leave" },
  raw: { name: "Window", hint: "Tokens of the newest frames, as they came" },
  kept: { name: "Kept", hint: "Tokens that left the window and stay as they came" },
  merged: { name: "Merged", hint: "Slots that stand for tokens that are alike" },
  compressed: { name: "Compressed", hint: "Slots that a group of tokens was folded into" },
};

/** What a policy is called, and what it does. */
export const POLICY_WORDS: Readonly<Record<CachePolicyName, { name: string; does: string }>> = {
  window: { name: "Window", does: "Keeps the newest frames and lets the others go." },
  full: { name: "Everything", does: "Keeps every frame until there is no room." },
  tempcache: { name: "TempCache", does: "Merges older tokens that are alike." },
  convkv: { name: "ConvKV", does: "Compresses groups of older frames." },
  thin: { name: "Thin", does: "Keeps one older frame of several." },
  pool: { name: "Pool", does: "Keeps older frames with fewer tokens." },
  random: { name: "Random", does: "Keeps older tokens drawn at random." },
  state: { name: "State", does: "Folds everything into one state that fades." },
};

/** What a storage is called where there is little room. */
export const STORAGE_WORDS: Readonly<Record<CacheStorageName, string>> = {
  float32: "32 bit",
  float16: "16 bit",
  int8: "8 bit",
  int4: "4 bit",
};

/** Slots of each kind over all ages. */
export function slotsByKind(ages: readonly CacheAge[]): Readonly<Record<SlotKind, number>> {
  const sums = { sink: 0, raw: 0, kept: 0, merged: 0, compressed: 0 };
  for (const band of ages) for (const kind of SLOT_KINDS) sums[kind] += band[kind];
  return sums;
}
