import { as, type BlockIndex } from "../../core/units.ts";
import type { PastBlock } from "../../models/model.ts";
import type { CacheOptions, SessionOptions, SessionSnapshot } from "./contract.ts";
import type { EngineFacts, MadeBlock, ResetChange, RestoredState } from "./messages.ts";

/**
 * What the server remembers of one session, so that it can go on in another engine: what it began from, the
 * first blocks (a cache's sinks) and the newest ones (its window), with their controls.
 *
 * While no block had to be forgotten the session goes on bit for bit; later its cache is rebuilt from the
 * blocks that are left. Bounded by the package's cache, however long the session runs.
 */
export class Checkpoint {
  readonly #mostFirst: number;
  readonly #mostRecent: number;
  #options: SessionOptions;
  #restored: RestoredState | null = null;
  #first: PastBlock[] = [];
  #recent: PastBlock[] = [];
  #block = 0;

  constructor(options: SessionOptions, { cache, framesPerBlock }: EngineFacts) {
    this.#options = options;
    this.#mostFirst = Math.ceil(cache.sinkFrames / framesPerBlock);
    // The newest block is in no cache yet, and a window may end inside a block.
    this.#mostRecent = Math.ceil(cache.windowFrames / framesPerBlock) + 2;
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

  /** Index of the block that comes next. */
  get block(): BlockIndex {
    return as(this.#block);
  }

  /** A block was made under `control`. */
  made({ result, latents }: MadeBlock, control: Float32Array): void {
    const past = { latents, control: control.slice() };
    if (this.#first.length < this.#mostFirst) this.#first.push(past);
    else this.#recent.push(past);
    if (this.#recent.length > this.#mostRecent) this.#recent.shift();
    this.#block = result.block + 1;
  }

  /** The session began again; the block index goes on. */
  reset({ seed, start, cache }: ResetChange): void {
    const { id, markers } = this.#options;
    this.#options = { id, markers, seed, cache, ...(start !== undefined && { start }) };
    this.#forget(null);
  }

  configured(cache: CacheOptions): void {
    this.#options = { ...this.#options, cache };
    if (this.#restored !== null) this.#restored = { ...this.#restored, cache };
  }

  /** The session became what `snapshot` holds; `block` comes next. */
  thawed(snapshot: SessionSnapshot, block: number): void {
    this.#forget({ snapshot });
    this.#block = block;
  }

  #forget(restored: RestoredState | null): void {
    this.#restored = restored;
    this.#first = [];
    this.#recent = [];
  }
}
