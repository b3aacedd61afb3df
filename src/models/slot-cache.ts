import { type CacheBounds, type CacheChoice, policyOf } from "../cache/choice.ts";
import type { CacheInspection } from "../cache/inspection.ts";
import type { CacheReport } from "../cache/report.ts";
import { RollingCache } from "../cache/rolling-cache.ts";
import { freezeCache, parseFrozenCache, thawCache } from "../cache/snapshot.ts";
import { bytesPerSlot, type StorageName } from "../cache/storage.ts";
import { type CacheMemory, CachePass } from "./cache-memory.ts";
import type { Pass, PassParts, PlacedCache } from "./placed-cache.ts";

/** What a cache of slots is made of. */
export interface SlotCacheParts {
  readonly bounds: CacheBounds;
  readonly memory: CacheMemory;
  readonly choice: CacheChoice;
  /** The most frames of its own a pass brings. */
  readonly ownFrames: number;
}

/** A rolling cache, and where its keys and values lie. */
export class SlotCache implements PlacedCache {
  readonly #bounds: CacheBounds;
  readonly #memory: CacheMemory;
  readonly #cache: RollingCache;

  /** @throws {StreamError} `bad_parameter`. */
  constructor({ bounds, memory, choice, ownFrames }: SlotCacheParts) {
    const policy = policyOf(choice, bounds);
    this.#bounds = bounds;
    this.#memory = memory;
    this.#cache = new RollingCache({
      layout: bounds.layout,
      store: memory.store,
      policy,
      ownFrames,
    });
  }

  get committed(): number {
    return this.#cache.committed;
  }

  get report(): CacheReport {
    return this.#cache.report;
  }

  get inspection(): CacheInspection {
    return this.#cache.inspect();
  }

  pass(parts: PassParts): Pass {
    return new CachePass({ ...parts, cache: this.#cache, memory: this.#memory });
  }

  async keepBy(choice: CacheChoice): Promise<void> {
    await this.#cache.configure(policyOf(choice, this.#bounds), storageOf(choice));
    this.#cache.hashBeyond(choice.attention === "hashed" ? choice.windowFrames : undefined);
  }

  forget(what: { readonly keepSinks: boolean }): void {
    this.#cache.forget(what);
  }

  clear(): void {
    this.#cache.clear();
  }

  freeze(): Promise<Uint8Array> {
    return freezeCache(this.#cache);
  }

  thawing(bytes: Uint8Array, choice: CacheChoice): () => Promise<void> {
    const { layout } = this.#bounds;
    const frozen = parseFrozenCache(bytes, layout, bytesPerSlot(layout, storageOf(choice)));
    return async () => {
      this.#cache.clear();
      await this.keepBy(choice);
      await thawCache(this.#cache, frozen);
    };
  }

  release(): void {
    this.#memory.release();
  }
}

const storageOf = ({ storage = "float32" }: CacheChoice): StorageName => storage;
