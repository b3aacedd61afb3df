/** An engine inside the test's process: simple moving pictures, really encoded, one frame a block. */

import { as, frameTime } from "../../src/core/units.ts";
import { openEncoder, openSoundEncoder } from "../../src/media/codecs/open.ts";
import type { VideoEncoder } from "../../src/media/encoder.ts";
import type { ModelCache } from "../../src/models/model.ts";
import type { RunningEngine, StartEngine } from "../../src/server/engines.ts";
import type {
  BlockRequest,
  BlockResult,
  CacheContents,
  EngineSession,
  RenditionOptions,
  VideoPacket,
} from "../../src/stream/engine/contract.ts";
import { SoundTrack } from "../../src/stream/engine/sound-track.ts";
import { gradient, type PictureSize } from "./pictures.ts";

/** As much as the tiny separable package's. */
const PLAIN_CACHE: ModelCache = {
  allowance: {
    framesPerBlock: 1,
    tokensPerFrame: 1,
    windowFrames: 15,
    sinkFrames: 1,
    mostSlots: 16,
    groupFrames: 4,
    compressors: [],
    isState: false,
    isHost: true,
    hashes: false,
  },
  initial: { policy: "window", windowFrames: 15, sinkFrames: 1 },
};

/** What a test may look at and decide. */
export interface PictureEngine {
  readonly start: StartEngine;
  /** Engine sessions that are open. */
  readonly open: number;
  /** Engines that were started. */
  readonly started: number;
  /** Every later block fails with what this returns. */
  failure: (() => Error) | undefined;
  /** Until it settles, no session opens. */
  opening: Promise<void>;
}

/** Make an engine whose pictures have this size and rate. */
export function pictureEngine(size: PictureSize, frameRate: number): PictureEngine {
  const sessions = new Set<PictureSession>();
  const state = { failure: undefined as (() => Error) | undefined, started: 0 };
  const engine: RunningEngine = {
    cache: PLAIN_CACHE,
    open: async (options) => {
      await handle.opening;
      const session = new PictureSession(options.id, { size, frameRate, handle, sessions });
      sessions.add(session);
      return session;
    },
    close: () => Promise.resolve(),
  };
  const handle: PictureEngine = {
    start: () => {
      state.started += 1;
      return Promise.resolve(engine);
    },
    get open() {
      return sessions.size;
    },
    get started() {
      return state.started;
    },
    failure: undefined,
    opening: Promise.resolve(),
  };
  return handle;
}

interface PictureParts {
  readonly size: PictureSize;
  readonly frameRate: number;
  readonly handle: PictureEngine;
  readonly sessions: Set<PictureSession>;
}

class PictureSession implements EngineSession {
  readonly id: string;
  readonly #parts: PictureParts;
  readonly #encoders = new Map<number, VideoEncoder>();
  readonly #sound: SoundTrack;
  #block = 0;

  constructor(id: string, parts: PictureParts) {
    this.id = id;
    this.#parts = parts;
    this.#sound = new SoundTrack(parts.frameRate, openSoundEncoder);
  }

  async next(request: BlockRequest): Promise<BlockResult> {
    const { size, frameRate, handle } = this.#parts;
    if (handle.failure !== undefined) throw handle.failure();
    const frame = this.#block++;
    const rgb = gradient(size, frame);
    const packets: VideoPacket[] = [];
    for (const rendition of request.renditions) {
      packets.push(await this.#encode(rendition, { rgb, frame }, request.keyframes));
    }
    const none = as<never>(0);
    return {
      block: as(frame),
      firstFrame: as(frame),
      frames: 1,
      pts: frameTime(frame, frameRate),
      epoch: request.epoch,
      packets,
      sound: await this.#sound.encode({ firstFrame: frame, frames: 1 }, request.sound),
      timings: { encoder: none, denoise: none, decode: none, encode: none, total: none },
      cache: { policy: "window", bytes: as(0), slots: 0, capacity: 0 },
    };
  }

  async #encode(
    rendition: RenditionOptions,
    { rgb, frame }: { rgb: Uint8Array; frame: number },
    keyframes: readonly number[],
  ): Promise<VideoPacket> {
    const { size, frameRate } = this.#parts;
    let encoder = this.#encoders.get(rendition.id);
    if (encoder === undefined) {
      const { codec, bitrate } = rendition;
      encoder = await openEncoder({ codec, ...size, frameRate, bitrate: as(bitrate) });
      this.#encoders.set(rendition.id, encoder);
    }
    const pts = frameTime(frame, frameRate);
    const key = keyframes.includes(rendition.id);
    const picture = await encoder.encode(rgb, pts, { key });
    const duration = as<typeof pts>(frameTime(frame + 1, frameRate) - pts);
    return {
      rendition: rendition.id,
      codec: rendition.codec,
      frame: as(frame),
      pts,
      duration,
      ...picture,
    };
  }

  reset(): Promise<void> {
    return Promise.resolve();
  }

  configureCache(): Promise<void> {
    return Promise.resolve();
  }

  forgetCache(): Promise<void> {
    return Promise.resolve();
  }

  inspectCache(): Promise<CacheContents> {
    const report = { policy: "window", bytes: as<never>(0), slots: 0, capacity: 0 };
    return Promise.resolve({
      report,
      inspection: { ages: [], frames: 0, ratio: 1, recall: 1, error: 0 },
    });
  }

  checkPicture(): Promise<void> {
    return Promise.resolve();
  }

  snapshot(): Promise<never> {
    return Promise.reject(new Error("pictures have no past"));
  }

  restore(): Promise<never> {
    return this.snapshot();
  }

  close(): Promise<void> {
    for (const encoder of this.#encoders.values()) encoder.close();
    this.#encoders.clear();
    this.#sound.close();
    this.#parts.sessions.delete(this);
    return Promise.resolve();
  }
}
