import type { CacheTally } from "./policy.ts";
import { type CacheRecord, SlotKind } from "./record.ts";

/** Kinds of slots as reports name them. */
const SLOT_KINDS = ["sink", "raw", "kept", "merged", "compressed"] as const;

/** How many slots of a kind are of an age. */
interface AgeBand {
  /** Frames since the newest token of the slot, at most; each band begins where the one before ends. */
  readonly age: number;
  /** Slots by kind, in the order of `SLOT_KINDS`; means over layers. */
  readonly slots: readonly number[];
}

/** What a cache holds, in sums. */
export interface CacheInspection {
  /** Slots in use by age, in bands that double. */
  readonly ages: readonly AgeBand[];
  /** Frames committed since the beginning. */
  readonly frames: number;
  /** Tokens that slots stand for, for each slot. */
  readonly ratio: number;
  /** Share of all tokens there ever were that some slot stands for. */
  readonly recall: number;
  /** Estimated error of what was folded: root of the mean squared distance from its slot's value, relative. */
  readonly error: number;
}

/** Ages are counted in bands up to this many doublings. */
const MOST_BANDS = 24;

/** Look through every slot of a record. */
export function inspect(
  record: CacheRecord,
  committed: number,
  tally: CacheTally,
): CacheInspection {
  const { layers, tokensPerFrame } = record.layout;
  const { facts } = record;
  const bands = Array.from({ length: MOST_BANDS }, () => SLOT_KINDS.map(() => 0));
  let [slots, tokens] = [0, 0];
  for (const [at, kind] of facts.kind.entries()) {
    if (kind === SlotKind.empty) continue;
    const age = Math.max(1, committed - (facts.position[at] ?? 0));
    const band = bands[Math.min(MOST_BANDS - 1, Math.ceil(Math.log2(age)))];
    if (band !== undefined) band[kind - 1] = (band[kind - 1] ?? 0) + 1 / layers;
    slots += 1;
    tokens += facts.count[at] ?? 0;
  }
  const seen = committed * tokensPerFrame * layers;
  const oldest = bands.findLastIndex((band) => band.some((n) => n > 0));
  return {
    ages: bands
      .slice(0, oldest + 1)
      .map((band, i) => ({ age: 2 ** i, slots: band.map(Math.round) })),
    frames: committed,
    ratio: slots === 0 ? 1 : tokens / slots,
    recall: seen === 0 ? 1 : Math.min(1, tokens / seen),
    error: tally.relativeError,
  };
}
