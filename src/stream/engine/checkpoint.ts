import { hasMemory } from "../../cache/choice.ts";
import { as, type BlockIndex } from "../../core/units.ts";
import type { PastBlock, PastSpeech } from "../../models/model.ts";
import type {
  BlockRequest,
  CacheOptions,
  ResetChange,
  SessionOptions,
  SessionSnapshot,
} from "./contract.ts";
import type { EngineFacts, MadeBlock, RestoredState } from "./messages.ts";

/** Blocks between two snapshots of a session whose cache keeps more than its newest blocks. */
const SNAPSHOT_EVERY = 64;
/** Blocks that may come before a snapshot that was asked for does. */
const SNAPSHOT_DELAY = 8;
/** Caches of more bytes are too much to bring out of an engine that often. */
const MOST_SNAPSHOT_BYTES = 4 * 2 ** 20;

/**
 * What the server remembers of one session, so that it can go on in another engine: what it began from, the
 * first blocks (a cache's sinks) and the newest ones (its window), with their controls and their speech; what was said
 * before a reset and is still heard; and of a cache with a memory, which no newest blocks could rebuild, a snapshot now
 * and then.
 *
 * While no block had to be forgotten the session goes on bit for bit; later its cache is rebuilt from the
 * blocks that are left, and a memory too large to be snapshot is as old as they are. Bounded by the package's
 * cache and `MOST_SNAPSHOT_BYTES`, however long the session runs.
 */
export class Checkpoint {
  readonly #mostFirst: number;
  readonly #windowBlocks: number;
  readonly #speechBlocks: number;
  #options: SessionOptions;
  #restored: RestoredState | null = null;
  #first: PastBlock[] = [];
  #recent: PastBlock[] = [];
  #heard: readonly PastSpeech[] = [];
  /** What came in during the newest blocks, also those that were forgotten. */
  #newestSpeech: readonly PastSpeech[] = [];
  #block = 0;
  #sinceSnapshot = 0;

  constructor(options: SessionOptions, { cache, speechFrames }: EngineFacts) {
    const { sinkFrames, windowFrames, framesPerBlock } = cache.allowance;
    this.#options = options;
    this.#mostFirst = Math.ceil(sinkFrames / framesPerBlock);
    // The newest block is in no cache yet, and a window may end inside a block.
    this.#windowBlocks = Math.ceil(Math.max(windowFrames, speechFrames) / framesPerBlock) + 2;
    this.#speechBlocks = Math.ceil(speechFrames / framesPerBlock);
  }

  /** What the session is opened with, as it is now. */
  get options(): SessionOptions {
    return this.#options;
  }

  /** What was restored last; null where the session began from its start. */
  get restored(): RestoredState | null {
    return this.#restored;
  }

  /** Blocks made since the beginning or the restoring, oldest first. */
  get history(): readonly PastBlock[] {
    return [...this.#first, ...this.#recent];
  }

  /** What came in before the history and is still heard, oldest first: a reset cuts off nobody who speaks. */
  get heard(): readonly PastSpeech[] {
    return this.#heard;
  }

  /** Index of the block that comes next. */
  get block(): BlockIndex {
    return as(this.#block);
  }

  /** A block was made as `request` said; returns whether a snapshot should follow it. */
  made({ result, latents }: MadeBlock, request: Pick<BlockRequest, "control" | "speech">): boolean {
    const past = pastOf(latents, request);
    const isSink = this.#restored === null && this.#first.length < this.#mostFirst;
    if (isSink) this.#first.push(past);
    else this.#recent.push(past);
    const isKept = hasMemory(this.#options.cache) && result.cache.bytes <= MOST_SNAPSHOT_BYTES;
    const most = isKept
      ? Math.max(this.#windowBlocks, SNAPSHOT_EVERY + SNAPSHOT_DELAY)
      : this.#windowBlocks;
    this.#recent.splice(0, this.#recent.length - most);
    this.#newestSpeech = newest([...this.#newestSpeech, past.speech], this.#speechBlocks);
    this.#block = result.block + 1;
    this.#sinceSnapshot += 1;
    return isKept && this.#sinceSnapshot % SNAPSHOT_EVERY === 0;
  }

  /** The session began again; the block index goes on. */
  reset(change: ResetChange): void {
    const { id, markers } = this.#options;
    this.#options = { id, markers, ...change };
    this.#forget(null);
    this.#heard = this.#newestSpeech;
  }

  configured(cache: CacheOptions): void {
    this.#options = { ...this.#options, cache };
    if (this.#restored !== null) this.#restored = { ...this.#restored, cache };
  }

  /** The session became what `snapshot` holds, with all that it heard; `block` comes next. */
  thawed(snapshot: SessionSnapshot, block: number): void {
    this.#forget({ snapshot });
    this.#newestSpeech = [];
    this.#block = block;
  }

  /** The session as it was before `block` was made is in `snapshot`; what was made since stays. */
  frozen(snapshot: SessionSnapshot, block: number): void {
    const since = this.#block - block;
    const later = since === 0 ? [] : this.history.slice(-since);
    this.#forget({ snapshot });
    this.#recent = later;
    this.#sinceSnapshot = since;
  }

  #forget(restored: RestoredState | null): void {
    this.#restored = restored;
    this.#sinceSnapshot = 0;
    this.#first = [];
    this.#recent = [];
    this.#heard = [];
  }
}

const newest = <T>(values: readonly T[], most: number): readonly T[] =>
  values.slice(Math.max(0, values.length - most));

/** In memory of its own: what was asked with may be used again. */
const pastOf = (
  latents: Float32Array,
  { control, speech }: Pick<BlockRequest, "control" | "speech">,
): PastBlock => ({
  latents,
  control: control.slice(),
  ...(speech !== undefined && { speech: { ...speech, samples: speech.samples.slice() } }),
});
