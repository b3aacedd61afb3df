/** What a session says about itself; the server turns it into messages, metrics and log lines. */

import type { SettledChoice } from "../cache/choice.ts";
import type { StreamError } from "../core/errors.ts";
import type { BlockIndex, FrameIndex, Micros, Millis } from "../core/units.ts";
import type { CacheReport, SoundPacket, VideoPacket } from "./engine/contract.ts";
import type { Utterance } from "./speech/utterance.ts";

/** Where a session is in its life. */
export type SessionState = "loading" | "streaming" | "paused" | "detached" | "ended";

/** Why a session ended. */
export type SessionEnd =
  | "stopped"
  | "idle"
  | "time_limit"
  | "abandoned"
  | "engine_lost"
  | "shutdown"
  | "error";

/** One picture, due to be shown, in every rendition, and the sound that goes with it. */
export interface Picture {
  readonly block: BlockIndex;
  readonly frame: FrameIndex;
  readonly pts: Micros;
  readonly duration: Micros;
  readonly epoch: number;
  readonly endOfBlock: boolean;
  readonly packets: readonly VideoPacket[];
  /** The sound that begins while this picture is shown, in time order. */
  readonly sound: readonly SoundPacket[];
}

/** One packet of sound, due to be sent, and the picture that is shown when it begins. */
export interface Sound {
  readonly packet: SoundPacket;
  readonly picture: Picture;
}

/** What the media clock lets go: a picture, or the sound that begins at that time. */
export type Moment =
  | { readonly kind: "picture"; readonly picture: Picture }
  | { readonly kind: "sound"; readonly sound: Sound };

/** The middle, the slow twentieth and the slowest of a second's block times. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** One second of a session in numbers. */
export interface SessionReport {
  readonly block: BlockIndex;
  readonly frame: FrameIndex;
  readonly pts: Micros;
  /** Frames made per second. */
  readonly fps: number;
  /** From asking for a block to having it. */
  readonly blockTime: Spread;
  /** Mean times inside the engine. */
  readonly stages: {
    readonly encoder: Millis;
    readonly denoise: Millis;
    readonly decode: Millis;
    readonly encode: Millis;
  };
  /** Frames that were let go after their time, and how late the latest of them was. */
  readonly late: { readonly frames: number; readonly worst: Millis };
  readonly cache: CacheReport | null;
}

/** Where the stream stands. */
export interface Position {
  readonly block: BlockIndex;
  readonly frame: FrameIndex;
  readonly pts: Micros;
}

/** What became of the cache at a block's edge, and of the changes that asked for it. */
export type CacheChanged = { readonly eventIds: readonly string[] } & (
  | { readonly type: "cache-configured"; readonly choice: SettledChoice }
  | { readonly type: "cache-reset"; readonly keepSinks: boolean }
  /** The engine cannot keep what was asked for; all is as before. */
  | { readonly type: "cache-refused"; readonly error: StreamError }
);

/** What becomes of what is said; `at` is media time. */
export type SpeechEvent =
  /** Its first sample is heard at `at`. */
  | { readonly type: "speech-started"; readonly utterance: Utterance; readonly at: Micros }
  | {
      readonly type: "speech-finished";
      readonly utterance: Utterance;
      readonly at: Micros;
      /** How much of it was heard. */
      readonly played: Millis;
      readonly interrupted: boolean;
    }
  /** The rest of it will not be said. */
  | { readonly type: "speech-failed"; readonly utterance: Utterance; readonly error: StreamError };

/** A change of a session's life, in the order things happened. */
export type SessionEvent =
  | SpeechEvent
  /** The block at `at` is the first without what was queued before. */
  | {
      readonly type: "output-cleared";
      readonly eventIds: readonly string[];
      readonly at: Position;
    }
  | { readonly type: "state-change"; readonly state: SessionState }
  | {
      readonly type: "input-applied";
      readonly eventIds: readonly string[];
      readonly epoch: number;
      readonly at: Position;
    }
  | { readonly type: "generation-started"; readonly at: Position }
  /** The block at `at` is the first that begins anew. */
  | { readonly type: "generation-reset"; readonly at: Position }
  | { readonly type: "generation-recovered"; readonly at: Position }
  /** The block at `at` is the first made under the change; `report` is what the cache holds after it. */
  | (CacheChanged & { readonly at: Position; readonly report: CacheReport })
  | {
      readonly type: "limit-near";
      readonly limit: "idle" | "time_limit";
      readonly remaining: Millis;
    }
  | { readonly type: "report"; readonly report: SessionReport }
  | { readonly type: "failed"; readonly error: StreamError }
  | {
      readonly type: "ended";
      readonly reason: SessionEnd;
      readonly blocks: number;
      readonly frames: number;
    };
