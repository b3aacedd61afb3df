import type { CacheAllowance, CacheBounds, CacheChoice } from "../cache/choice.ts";
import type { CacheLayout } from "../cache/layout.ts";
import { cacheLayout, modelCache } from "./arena.ts";
import type { CacheMemory } from "./cache-memory.ts";
import { learnedCompressor } from "./compressor.ts";
import type { Manifest } from "./manifest.ts";
import type { ModelPackage } from "./package.ts";
import type { PlacedCache } from "./placed-cache.ts";
import { SlotCache } from "./slot-cache.ts";
import { StateCache } from "./state-cache.ts";
import type { GraphSet } from "./world-model.ts";

/** Where a generation's caches are placed. */
export interface CachePlace {
  readonly modelPackage: ModelPackage;
  readonly graphs: GraphSet;
  /** Makes room for slots where the graphs run. */
  readonly memory: (layout: CacheLayout) => CacheMemory;
}

/** A generation's caches, and what may be chosen of them. */
export interface PlacedCaches {
  /** One, or one for each step. */
  readonly caches: readonly PlacedCache[];
  readonly allowance: CacheAllowance;
}

/**
 * Make the caches of a generation of a package, of the kind that it keeps.
 *
 * @throws {StreamError} `bad_parameter`.
 */
export function placeCaches(place: CachePlace, choice: CacheChoice): PlacedCaches {
  const { manifest } = place.modelPackage;
  const each = Array.from({ length: cacheCount(manifest) });
  if (manifest.cache.kind === "state") {
    const { allowance } = modelCache(manifest, true);
    return { caches: each.map(() => new StateCache(cacheLayout(manifest), allowance)), allowance };
  }
  const memories = each.map(() => place.memory(cacheLayout(manifest)));
  const bounds = boundsOf(manifest, place.graphs, memories);
  const ownFrames = 2 * manifest.lanes.video.framesPerBlock;
  const caches = memories.map((memory) => new SlotCache({ bounds, memory, choice, ownFrames }));
  return { caches, allowance: bounds.allowance };
}

/** What sessions of a package may choose where their slots lie in `memory`. */
function boundsOf(
  manifest: Manifest,
  graphs: GraphSet,
  memories: readonly CacheMemory[],
): CacheBounds {
  const isHost = memories.every(({ store }) => store.host !== undefined);
  const { allowance } = modelCache(manifest, isHost);
  const layout = cacheLayout(manifest);
  return {
    allowance,
    layout: { ...layout, slots: { ...layout.slots, most: allowance.mostSlots } },
    learned: (grouping) => learnedCompressor(manifest, graphs, grouping),
  };
}

/** Caches of a generation: one, or one for each step. */
const cacheCount = ({ commit, schedule }: Manifest): number =>
  commit.strategy === "per-step" ? schedule.defaultSteps : 1;
