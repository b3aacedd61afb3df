import type { CacheChoice } from "../cache/choice.ts";
import type { CacheInspection } from "../cache/inspection.ts";
import type { CacheReport } from "../cache/report.ts";
import type { Buffers, Graph } from "./graph.ts";

/** A graph that reads a cache, and what is bound to it besides. */
export interface PassParts {
  readonly graph: Graph;
  /** Frames of its own that the pass brings. */
  readonly frames: number;
  readonly inputs: Buffers;
  readonly outputs: Buffers;
}

/** One kind of pass against a cache. */
export interface Pass {
  /** Run the graph over what the cache holds now. @throws {StreamError} `inference_failed`. */
  run(): Promise<void>;
  /** Add the first `frames` frames of the newest run to the cache. @throws {StreamError} `cache_overflow`. */
  commit(frames: number): Promise<void>;
}

/** A generation's cache, or that of one of its steps: slots or a state, wherever they lie. Lifetime: until `release`. */
export interface PlacedCache {
  /** Frames committed since the beginning. */
  readonly committed: number;
  readonly report: CacheReport;
  readonly inspection: CacheInspection;
  /** Make ready a kind of pass. */
  pass(parts: PassParts): Pass;
  /** Keep by `choice` from now on. @throws {StreamError} `bad_parameter`; nothing is changed then. */
  keepBy(choice: CacheChoice): Promise<void>;
  /** Forget everything but the sinks, if they are to stay. */
  forget(what: { readonly keepSinks: boolean }): void;
  /** Forget everything and count frames from 0 again. */
  clear(): void;
  /** The bytes that it comes back from, bit for bit. */
  freeze(): Promise<Uint8Array>;
  /**
   * Check what `freeze` gave under `choice`; what is returned brings it back.
   *
   * @throws {StreamError} `snapshot_invalid`.
   */
  thawing(bytes: Uint8Array, choice: CacheChoice): () => Promise<void>;
  release(): void;
}
