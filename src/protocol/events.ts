/** What the server tells a client: the other half of the control vocabulary. */

import type { Control } from "../core/controls.ts";
import type { SerialisedError } from "../core/errors.ts";
import type {
  CacheEvent,
  CacheReportMessage,
  CacheSettings,
  CacheStats,
  CacheSummary,
} from "./cache.ts";
import type { LiveParameters } from "./messages.ts";

/** Where a session is in its life. */
export type SessionStateName = "loading" | "streaming" | "paused" | "detached" | "ended";

/** Why a session ended. */
export type EndReason =
  | "stopped"
  | "idle"
  | "time_limit"
  | "abandoned"
  | "engine_lost"
  | "shutdown"
  | "error";

/** What a client must know of a model to play it. */
export interface ModelSummary {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly cover: string | null;
  readonly video: {
    readonly width: number;
    readonly height: number;
    readonly frame_rate: number;
    /** How pictures are meant to be enlarged: pixel by pixel, or smoothly. */
    readonly scaling: "nearest" | "smooth";
  };
  readonly frames_per_block: number;
  readonly steps: { readonly default: number; readonly choices: readonly number[] };
  readonly cache: CacheSummary;
  readonly controls: readonly Control[];
  readonly starts: readonly { readonly id: string; readonly title: string }[];
  /** What it hears; null where it hears nothing. */
  readonly speech: {
    readonly sample_rate: number;
    /** What is said is heard so much later: the mouth must know it. */
    readonly look_ahead_ms: number;
  } | null;
}

/** The block, frame and media time that first show a change. */
interface AppliedAt {
  readonly epoch: number;
  readonly block: number;
  readonly frame: number;
  /** Microseconds of media time. */
  readonly pts: number;
}

/** What was said, and the media time at which it begins or ends to be heard. */
interface SpokenAt {
  readonly utterance: string;
  readonly source: "audio" | "text" | "microphone";
  /** Of the message that began it, where one did. */
  readonly event_id?: string;
  /** Microseconds of media time. */
  readonly pts: number;
}

/** Five-number view of a measured quantity over the report's interval. */
interface Distribution {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Once a second, and on `stats.get`. */
export interface StatsReport {
  readonly type: "stats.report";
  readonly event_id?: string;
  readonly session: string;
  /** Media time of the newest frame, microseconds. */
  readonly pts: number;
  readonly block: number;
  readonly frame: number;
  /** Frames made per second over the last second. */
  readonly fps: number;
  /** Milliseconds to make one block: all of it, and its parts. */
  readonly block_ms: Distribution;
  readonly stages_ms: {
    readonly encoder: number;
    readonly denoise: number;
    readonly decode: number;
    readonly encode: number;
  };
  readonly cache: CacheReportMessage;
  readonly viewer: {
    readonly in_flight_frames: number;
    readonly dropped_frames: number;
    readonly sent_bytes: number;
    /** Bits per second over the last second. */
    readonly bitrate: number;
    /** What the server knows of a WebRTC viewer's way. */
    readonly network?: {
      /** Absent before the viewer's first report. */
      readonly round_trip_ms?: number;
      /** Share of packets that did not arrive, in [0, 1], as newly reported. */
      readonly loss: number;
      /** Bits per second that the way is thought to carry. */
      readonly estimate: number;
      /** Packets sent again, since the beginning. */
      readonly retransmitted: number;
    };
  };
}

/** Every event a server sends. */
export type ServerEvent =
  | {
      readonly type: "session.created" | "session.resumed";
      readonly event_id?: string;
      readonly protocol: number;
      readonly session: string;
      readonly role: "controller" | "viewer";
      /** Secret that lets this client come back within `grace_ms` of a lost connection. */
      readonly token: string;
      /** Secret that lets others watch. */
      readonly viewer_token: string;
      readonly state: SessionStateName;
      readonly model: ModelSummary;
      readonly parameters: LiveParameters;
      /** What the cache keeps now. */
      readonly cache: CacheSettings;
      readonly grace_ms: number;
      readonly idle_ms: number;
      readonly max_ms: number;
    }
  | {
      readonly type: "session.updated";
      readonly event_id?: string;
      readonly state: SessionStateName;
      readonly parameters: LiveParameters;
    }
  | {
      readonly type: "session.warning";
      readonly code: string;
      readonly message: string;
      readonly remaining_ms?: number;
    }
  | {
      readonly type: "session.ended";
      readonly reason: EndReason;
      readonly blocks: number;
      readonly frames: number;
    }
  | { readonly type: "session.pong"; readonly event_id?: string }
  | { readonly type: "input.accepted"; readonly event_id?: string; readonly epoch: number }
  | ({ readonly type: "input.applied"; readonly event_ids: readonly string[] } & AppliedAt)
  | { readonly type: "input.superseded"; readonly event_id: string; readonly epoch: number }
  | { readonly type: "input.rejected"; readonly event_id?: string; readonly error: SerialisedError }
  | {
      readonly type:
        | "generation.started"
        | "generation.paused"
        | "generation.resumed"
        | "generation.reset"
        | "generation.recovered";
      readonly event_id?: string;
      readonly block: number;
      readonly pts: number;
    }
  | ({ readonly type: "speech.started" } & SpokenAt)
  | ({
      readonly type: "speech.finished";
      /** How much of it was heard. */
      readonly played_ms: number;
      readonly interrupted: boolean;
    } & SpokenAt)
  | {
      readonly type: "output.cleared";
      readonly event_ids: readonly string[];
      readonly block: number;
      readonly pts: number;
    }
  | {
      readonly type: "media.config";
      readonly rendition: number;
      readonly kind: "video";
      /** A WebCodecs codec string, or `rgb`. */
      readonly codec: string;
      /** Of the coded pictures; they are shown at the model's own size. */
      readonly width: number;
      readonly height: number;
      readonly frame_rate: number;
    }
  | {
      readonly type: "quality.changed";
      /** What this viewer gets from its next key packet on. */
      readonly rendition: number;
      /** Bits per second. */
      readonly bitrate: number;
      readonly reason: "bandwidth" | "recovered";
    }
  | StatsReport
  | CacheStats
  | CacheEvent
  | { readonly type: "error"; readonly event_id?: string; readonly error: SerialisedError };
