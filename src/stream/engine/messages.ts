/**
 * What crosses between the server and an engine process.
 *
 * The server sends one `StartMessage`, then calls; the engine answers `ready` or `failed`, then each call
 * once, in any order. Messages are structured clones; typed arrays are copied.
 */

import type { SerialisedError } from "../../core/errors.ts";
import type { ModelCache, PastBlock, PastSpeech } from "../../models/model.ts";
import type {
  BlockRequest,
  BlockResult,
  CacheContents,
  CacheOptions,
  EngineOptions,
  Forgetting,
  ResetChange,
  SessionOptions,
  SessionSnapshot,
} from "./contract.ts";

/** What was restored last, and the cache chosen after it. */
export interface RestoredState {
  readonly snapshot: SessionSnapshot;
  readonly cache?: CacheOptions;
}

/** What the engine answers `next` with. */
export interface MadeBlock {
  readonly result: BlockResult;
  /** Clean latents, [frames, C, H, W], float32: what the session is recovered from. */
  readonly latents: Float32Array;
}

/** What a server may ask of an engine: the arguments and the answer of each method. */
interface EngineMethods {
  open: {
    readonly ask: { readonly options: SessionOptions; readonly restored: RestoredState | null };
    readonly answer: null;
  };
  /** Rebuild what the session knows of its past: these blocks, oldest first, follow what it holds. */
  recache: {
    readonly ask: {
      readonly session: string;
      /** Index of the block after them. */
      readonly block: number;
      readonly blocks: readonly PastBlock[];
      /** What came in before them and the session does not know, oldest first. */
      readonly heard: readonly PastSpeech[];
    };
    readonly answer: null;
  };
  next: {
    readonly ask: { readonly session: string; readonly request: BlockRequest };
    readonly answer: MadeBlock;
  };
  reset: {
    readonly ask: { readonly session: string; readonly change: ResetChange };
    readonly answer: null;
  };
  checkPicture: {
    readonly ask: { readonly session: string; readonly rgb: Uint8Array };
    readonly answer: null;
  };
  configureCache: {
    readonly ask: { readonly session: string; readonly cache: CacheOptions };
    readonly answer: null;
  };
  forgetCache: {
    readonly ask: { readonly session: string; readonly what: Forgetting };
    readonly answer: null;
  };
  inspectCache: { readonly ask: { readonly session: string }; readonly answer: CacheContents };
  snapshot: { readonly ask: { readonly session: string }; readonly answer: SessionSnapshot };
  restore: {
    readonly ask: { readonly session: string; readonly snapshot: SessionSnapshot };
    /** Index of the block that comes next. */
    readonly answer: number;
  };
  close: { readonly ask: { readonly session: string }; readonly answer: null };
  ping: { readonly ask: unknown; readonly answer: null };
}

/** The name of something a server may ask of an engine. */
export type EngineMethod = keyof EngineMethods;

/** One thing asked. */
export type EngineCall = {
  [M in EngineMethod]: { readonly method: M } & EngineMethods[M]["ask"];
}[EngineMethod];

/** The answer to a call of method `M`. */
export type EngineAnswer<M extends EngineMethod = EngineMethod> = EngineMethods[M]["answer"];

/** The first message to an engine. */
export type StartMessage = Pick<EngineOptions, "packagePath" | "provider" | "intraOpThreads">;

/** A call on its way to an engine. */
export interface CallMessage {
  readonly id: number;
  readonly call: EngineCall;
}

/** What a running engine says of itself, once. */
export interface EngineFacts {
  readonly provider: string;
  readonly reason: string;
  /** Newest frames whose speech the next block's depends on; 0 where sessions hear nothing. */
  readonly speechFrames: number;
  /** What sessions may choose of their caches here, and what they begin with. */
  readonly cache: ModelCache;
}

/** What an engine sends. */
export type EngineMessage =
  | { readonly type: "ready"; readonly facts: EngineFacts }
  | { readonly type: "failed"; readonly error: SerialisedError }
  | { readonly type: "answer"; readonly id: number; readonly answer: EngineAnswer }
  | { readonly type: "refusal"; readonly id: number; readonly error: SerialisedError };

/** The most bytes of packets, latents or snapshot in one message, either way. */
export const MOST_MESSAGE_BYTES = 64 * 2 ** 20;
