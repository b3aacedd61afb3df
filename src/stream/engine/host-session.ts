import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as, type BlockIndex, type FrameIndex, frameTime, type Millis } from "../../core/units.ts";
import { drawMarker } from "../../media/marker.ts";
import type { SoundEncoder } from "../../media/sound-encoder.ts";
import type { GeneratedBlock, Generation, Model } from "../../models/model.ts";
import type {
  BlockRequest,
  CacheContents,
  CacheOptions,
  Forgetting,
  ResetChange,
  SessionOptions,
  SessionSnapshot,
} from "./contract.ts";
import { type BlockPictures, Encoders, type OpenEncoder, type VideoFormat } from "./encoders.ts";
import {
  type EngineCall,
  type MadeBlock,
  MOST_MESSAGE_BYTES,
  type RestoredState,
} from "./messages.ts";
import { SoundTrack } from "./sound-track.ts";
import { Turns } from "./turns.ts";

/** What the sessions of one engine share. */
export interface HostParts {
  readonly model: Model;
  readonly openEncoder: OpenEncoder;
  readonly openSoundEncoder: () => Promise<SoundEncoder>;
  readonly clock: Clock;
  /** Inference takes all cores it may: one piece of it runs at a time, in the order of asking. */
  readonly compute: Turns;
}

/** What a session's past is rebuilt from. */
type Recaching = Extract<EngineCall, { method: "recache" }>;

/**
 * One session inside the engine process: a generation and its encoders. Its calls run one after the other.
 *
 * Lifetime: until `close`.
 */
export class HostSession {
  readonly #options: SessionOptions;
  readonly #parts: HostParts;
  readonly #generation: Generation;
  readonly #encoders: Encoders;
  readonly #sound: SoundTrack;
  readonly #format: VideoFormat;
  readonly #calls = new Turns();

  private constructor(options: SessionOptions, parts: HostParts, generation: Generation) {
    const { width, height, frameRate } = parts.model.modelPackage.manifest.lanes.video;
    this.#options = options;
    this.#parts = parts;
    this.#generation = generation;
    this.#format = { width, height, frameRate };
    this.#encoders = new Encoders(this.#format, parts.openEncoder);
    this.#sound = new SoundTrack(frameRate, parts.openSoundEncoder);
  }

  /**
   * Open a session at its start, or as it was when `restored` was frozen.
   *
   * @throws {StreamError} `unknown_start`, `bad_parameter`, `snapshot_invalid`.
   */
  static async open(
    options: SessionOptions,
    restored: RestoredState | null,
    parts: HostParts,
  ): Promise<HostSession> {
    const generation = await parts.compute.take(() => parts.model.open(options));
    const session = new HostSession(options, parts, generation);
    try {
      if (restored !== null) await session.restore(restored.snapshot);
      if (restored?.cache !== undefined) await session.configureCache(restored.cache);
    } catch (cause) {
      await session.close();
      throw cause;
    }
    return session;
  }

  /**
   * Make and encode the next block.
   *
   * @throws {StreamError} `bad_control`, `bad_parameter`, `cache_overflow`, `inference_failed`,
   *   `encoder_failed`, `message_too_large`.
   */
  next(request: BlockRequest): Promise<MadeBlock> {
    return this.#calls.take(() => this.#next(request));
  }

  reset(change: ResetChange): Promise<void> {
    return this.#withGeneration((generation) => generation.reset(change));
  }

  configureCache(cache: CacheOptions): Promise<void> {
    return this.#withGeneration((generation) => generation.configureCache(cache));
  }

  forgetCache(what: Forgetting): Promise<void> {
    return this.#withGeneration((generation) => generation.forget(what));
  }

  /** @throws {StreamError} `no_face`, `bad_parameter`. */
  checkPicture(rgb: Uint8Array): Promise<void> {
    return this.#withGeneration(() => this.#parts.model.checkPicture(rgb));
  }

  inspectCache(): Promise<CacheContents> {
    return this.#withGeneration(({ cache, inspection }) =>
      Promise.resolve({ report: cache, inspection }),
    );
  }

  /** Let `blocks`, after which `block` comes, be the newest the session knows; before them it heard `heard`. */
  recache({ block, blocks, heard }: Recaching): Promise<void> {
    return this.#withGeneration((generation) =>
      generation.recache({ block, frames: blocks, continues: true, heard }),
    );
  }

  snapshot(): Promise<SessionSnapshot> {
    return this.#withGeneration(async (generation) => {
      const bytes = await generation.snapshot();
      requireSendable(bytes.length);
      return { bytes };
    });
  }

  /** Returns the index of the block that comes next. @throws {StreamError} `snapshot_invalid`. */
  restore({ bytes }: SessionSnapshot): Promise<number> {
    return this.#withGeneration(async (generation) => {
      await generation.restore(bytes);
      return generation.block;
    });
  }

  close(): Promise<void> {
    return this.#withGeneration(async (generation) => {
      this.#encoders.close();
      this.#sound.close();
      await generation.close();
    });
  }

  #withGeneration<T>(work: (generation: Generation) => Promise<T>): Promise<T> {
    return this.#calls.take(() => this.#parts.compute.take(() => work(this.#generation)));
  }

  async #next(request: BlockRequest): Promise<MadeBlock> {
    const { clock, compute } = this.#parts;
    const block = as<BlockIndex>(this.#generation.block);
    const { made, began } = await compute.take(async () => ({
      began: clock.now(),
      made: await this.#generation.next(request),
    }));
    const firstFrame = as<FrameIndex>(block * made.pictures.length);
    const generated = clock.now();
    this.#mark(made, firstFrame, request.epoch);
    const pictures: BlockPictures = { block, firstFrame, pictures: made.pictures };
    const packets = await this.#encoders.encode(pictures, request);
    const sound = await this.#sound.encode(
      { firstFrame, frames: made.pictures.length },
      request.sound,
      made.voice,
    );
    const encoded = clock.now();
    requireSendable(packets.reduce((n, { data }) => n + data.length, made.latents.byteLength));
    const timings = {
      ...made.timings,
      encode: as<Millis>(encoded - generated),
      total: as<Millis>(encoded - began),
    };
    const result = {
      block,
      firstFrame,
      frames: made.pictures.length,
      pts: frameTime(firstFrame, this.#format.frameRate),
      epoch: request.epoch,
      packets,
      sound,
      timings,
      cache: this.#generation.cache,
    };
    return { result, latents: made.latents };
  }

  #mark({ pictures }: GeneratedBlock, firstFrame: FrameIndex, epoch: number): void {
    if (!this.#options.markers) return;
    for (const [i, rgb] of pictures.entries()) {
      drawMarker(rgb, this.#format, { frame: firstFrame + i, epoch });
    }
  }
}

function requireSendable(bytes: number): void {
  if (bytes <= MOST_MESSAGE_BYTES) return;
  throw new StreamError(
    "message_too_large",
    `${bytes} bytes are more than the ${MOST_MESSAGE_BYTES} that may leave an engine at once`,
    { recovery: "end-session", detail: { bytes } },
  );
}
