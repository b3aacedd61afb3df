import type { Bytes } from "../core/units.ts";

/** How much of the past a cache keeps; at most what the package was built for. */
export interface CacheChoice {
  readonly policy: "window" | "full";
  readonly windowFrames: number;
  readonly sinkFrames: number;
}

/** What a cache holds. */
export interface CacheReport {
  readonly policy: string;
  /** Keys and values of the slots in use. */
  readonly bytes: Bytes;
  /** Slots in use, tokens. */
  readonly slots: number;
  readonly capacity: number;
}
