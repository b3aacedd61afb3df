import type { Bytes } from "../core/units.ts";

/** What a cache holds, cheap enough to tell after every block. */
export interface CacheReport {
  readonly policy: string;
  /** Keys and values of the slots in use, or the state. */
  readonly bytes: Bytes;
  /** Slots in use in a layer, tokens; the mean where layers differ. */
  readonly slots: number;
  readonly capacity: number;
}
