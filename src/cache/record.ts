import { StreamError } from "../core/errors.ts";
import { type CacheLayout, slotCount } from "./layout.ts";

/** What a slot holds. */
export const SlotKind = { empty: 0, sink: 1, raw: 2 } as const;
export type SlotKind = (typeof SlotKind)[keyof typeof SlotKind];

/**
 * The facts about every slot of a cache, and which pages hold frames.
 *
 * Pages are placed wherever there is room, the lowest first, so that nothing ever moves: attention does not
 * mind the order of its keys, since every slot carries its own position. Where a page lies is a function of
 * which pages are held, so equal histories give equal memory.
 *
 * Lifetime: all arrays are allocated here and keep their identity.
 */
export class CacheRecord {
  readonly layout: CacheLayout;
  /** [slots]: number of the slot's frame since the beginning. */
  readonly position: Float64Array;
  /** [slots]: how many tokens the slot stands for. */
  readonly count: Float32Array;
  /** [slots] of `SlotKind`. */
  readonly kind: Uint8Array;
  #held: number[] = [];

  constructor(layout: CacheLayout) {
    const slots = slotCount(layout);
    this.layout = layout;
    this.position = new Float64Array(slots);
    this.count = new Float32Array(slots);
    this.kind = new Uint8Array(slots);
  }

  /** Pages that hold a frame, oldest frame first. */
  get held(): readonly number[] {
    return this.#held;
  }

  /** What the slots of a page are; they are all of one kind. */
  kindOf(page: number): number {
    return this.kind[page * this.layout.tokensPerFrame] ?? SlotKind.empty;
  }

  /** Frame number of a held page. */
  frameOf(page: number): number {
    return this.position[page * this.layout.tokensPerFrame] ?? 0;
  }

  /** Say what the slots of a held page are. */
  mark(page: number, kind: SlotKind): void {
    const { tokensPerFrame } = this.layout;
    this.kind.fill(kind, page * tokensPerFrame, (page + 1) * tokensPerFrame);
  }

  /** @throws {StreamError} `cache_overflow` when fewer than `frames` pages are free. */
  requireRoom(frames: number): void {
    if (this.#held.length + frames <= this.layout.frames) return;
    throw new StreamError(
      "cache_overflow",
      `the cache is full: it has room for ${this.layout.frames} frames`,
      { recovery: "reset-cache" },
    );
  }

  /**
   * Take the lowest free page for frame `frame`, which is newer than all held.
   *
   * @throws {StreamError} `cache_overflow` when every page is held.
   */
  take(frame: number, kind: SlotKind): number {
    this.requireRoom(1);
    const page = this.#lowestFree();
    const { tokensPerFrame } = this.layout;
    this.#held.push(page);
    this.mark(page, kind);
    this.position.fill(frame, page * tokensPerFrame, (page + 1) * tokensPerFrame);
    this.count.fill(1, page * tokensPerFrame, (page + 1) * tokensPerFrame);
    return page;
  }

  /** Forget a held page. */
  release(page: number): void {
    this.#held = this.#held.filter((held) => held !== page);
    this.mark(page, SlotKind.empty);
  }

  /** Hold exactly `pages`, oldest frame first; the facts about them are the caller's to write. */
  hold(pages: readonly number[]): void {
    this.#held = [...pages];
    for (const facts of [this.position, this.count, this.kind]) facts.fill(0);
  }

  #lowestFree(): number {
    let page = 0;
    while (this.kindOf(page) !== SlotKind.empty) page++;
    return page;
  }
}
