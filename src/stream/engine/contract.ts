/**
 * The engine: a child process that holds one model package and makes blocks for several sessions.
 *
 * A block is pulled: the server asks for it with the controls sampled at the block's edge and gets
 * encoded packets back. Nothing is made that nobody asked for.
 */

import type { CacheChoice } from "../../cache/choice.ts";
import type { CacheInspection } from "../../cache/inspection.ts";
import type { CacheReport } from "../../cache/report.ts";
import type { BlockIndex, FrameIndex, Micros, Millis } from "../../core/units.ts";
import type { BlockSpeech } from "../../models/model.ts";

/** Codecs an engine can encode a session's pictures with; `rgb` is the raw picture. */
export type RenditionCodec = "h264" | "vp8" | "rgb";

/**
 * What a session sounds like: nothing, whoever speaks into a model's speech lane, or the signal of
 * src/media/sound/test-signal.ts to measure with.
 */
export type SoundSource = "none" | "voice" | "test";

/** One encoding of a session's pictures, shared by every viewer that wants it. */
export interface RenditionOptions {
  readonly id: number;
  readonly codec: RenditionCodec;
  /** Target, bits per second; ignored by `rgb`. */
  readonly bitrate: number;
}

/** How much of the past a session's cache keeps, and how; at most what the package was built for. */
export type CacheOptions = CacheChoice;

/** What a session starts from. */
export interface SessionOptions {
  /** Unique within the server. */
  readonly id: string;
  readonly seed: number;
  /** A start of the package; its first one when absent. */
  readonly start?: string;
  /** A picture to start from instead, [height, width, 3], uint8. */
  readonly picture?: Uint8Array;
  readonly cache: CacheOptions;
  /** Draw frame and epoch ids into the picture (src/media/marker.ts). */
  readonly markers: boolean;
}

/** What the server decides at a block's edge. */
export interface BlockRequest {
  /** Control vector, [controls], float32; constant inside the block. */
  readonly control: Float32Array;
  readonly epoch: number;
  readonly steps: number;
  readonly sound: SoundSource;
  /** What comes in while the block lasts; silence when absent. */
  readonly speech?: BlockSpeech;
  /** Renditions to encode this block for, and those that must begin with a key packet. */
  readonly renditions: readonly RenditionOptions[];
  readonly keyframes: readonly number[];
}

/** One encoded picture of one rendition. */
export interface VideoPacket {
  readonly rendition: number;
  readonly codec: RenditionCodec;
  readonly key: boolean;
  readonly frame: FrameIndex;
  readonly pts: Micros;
  readonly duration: Micros;
  readonly data: Uint8Array;
}

/** One Opus packet: mono, 48 kHz. */
export interface SoundPacket {
  /** When its first sample is heard, on the same clock as the pictures. */
  readonly pts: Micros;
  readonly duration: Micros;
  readonly data: Uint8Array;
}

/** Milliseconds spent making one block, by part. */
export interface BlockTimings {
  readonly encoder: Millis;
  readonly denoise: Millis;
  readonly decode: Millis;
  readonly encode: Millis;
  readonly total: Millis;
}

/** What a session's cache holds after a block. */
export type { CacheReport } from "../../cache/report.ts";

/** What a session's cache holds, looked at on demand. */
export interface CacheContents {
  readonly report: CacheReport;
  readonly inspection: CacheInspection;
}

/** What is emptied: everything, or all but the sinks. */
export interface Forgetting {
  readonly keepSinks: boolean;
}

/** One finished block. */
export interface BlockResult {
  readonly block: BlockIndex;
  readonly firstFrame: FrameIndex;
  readonly frames: number;
  readonly pts: Micros;
  readonly epoch: number;
  /** In frame order; for each frame one packet per rendition. */
  readonly packets: readonly VideoPacket[];
  /** In time order: the packets that begin inside the block. */
  readonly sound: readonly SoundPacket[];
  readonly timings: BlockTimings;
  readonly cache: CacheReport;
}

/** A frozen session: restoring it continues the stream bit for bit. */
export interface SessionSnapshot {
  readonly bytes: Uint8Array;
}

/** How a session begins again: from a picture, or a start; the model's first one when neither is given. */
export type ResetChange = Pick<SessionOptions, "seed" | "start" | "picture" | "cache">;

/**
 * One session inside an engine. Not reentrant: one call at a time, but for `inspectCache` and `checkPicture`, which
 * wait their turn.
 */
export interface EngineSession {
  readonly id: string;
  /**
   * Make the next block.
   *
   * @throws {StreamError} `engine_lost` or `engine_hung` when the process died or stopped answering and
   *   could not be replaced; `inference_failed` when the model refused.
   */
  next(request: BlockRequest): Promise<BlockResult>;
  /** Begin again; block and frame numbers go on, and what is being said is not cut off. */
  reset(change: ResetChange): Promise<void>;
  /**
   * Whether the session may begin from this picture [height, width, 3], uint8.
   *
   * @throws {StreamError} `no_face`, `bad_parameter` for another size.
   */
  checkPicture(rgb: Uint8Array): Promise<void>;
  /**
   * Change what the cache keeps, from the next block on, without forgetting more than it must.
   *
   * @throws {StreamError} `bad_parameter`; nothing is changed then.
   */
  configureCache(options: CacheOptions): Promise<void>;
  /** Empty the cache; the newest block and the block index go on. */
  forgetCache(what: Forgetting): Promise<void>;
  /** What the cache holds, slot by slot in sums. */
  inspectCache(): Promise<CacheContents>;
  snapshot(): Promise<SessionSnapshot>;
  /** @throws {StreamError} `snapshot_invalid` when it is not of this package. */
  restore(snapshot: SessionSnapshot): Promise<void>;
  close(): Promise<void>;
}

/** What happens to an engine process. */
export type EngineEvent =
  | {
      readonly type: "engine-ready";
      readonly pid: number;
      readonly provider: string;
      readonly reason: string;
    }
  | {
      readonly type: "engine-lost";
      readonly pid: number;
      readonly cause: "exit" | "hang";
      readonly detail: string;
    }
  | { readonly type: "engine-replaced"; readonly pid: number; readonly downtime: Millis }
  | { readonly type: "session-recovered"; readonly session: string; readonly block: BlockIndex };

/** Where inference runs; `auto` picks and says why. */
export type ProviderChoice = "auto" | "cpu" | "webgpu" | "cuda";

/** How to run one package. */
export interface EngineOptions {
  /** Absolute path of the package folder. */
  readonly packagePath: string;
  readonly provider: ProviderChoice;
  /** Threads of one inference call; the package's own advice when absent. */
  readonly intraOpThreads?: number;
  /** A call that takes longer than this means a hung engine. */
  readonly callDeadline: Millis;
}
