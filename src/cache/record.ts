import { StreamError } from "../core/errors.ts";
import { type CacheLayout, floatsPerSlot, slotCount } from "./layout.ts";

/** What a slot holds. */
export const SlotKind = { empty: 0, sink: 1, raw: 2 } as const;
export type SlotKind = (typeof SlotKind)[keyof typeof SlotKind];

/** Keys and values of fresh tokens as a graph answers them, [layers, heads, tokens, headDim]. */
export interface KeysAndValues {
  readonly key: Float32Array;
  readonly value: Float32Array;
  /** The arrays' third size. */
  readonly tokens: number;
}

/**
 * The cache of record: keys normed but not rotated, values, and facts about every slot.
 *
 * Pages are placed wherever there is room, the lowest first, so that nothing ever moves: attention does not
 * mind the order of its keys, since every slot carries its own position. Where a page lies is a function of
 * which pages are held, so equal histories give equal memory.
 *
 * Lifetime: all arrays are allocated here and keep their identity.
 */
export class CacheRecord {
  readonly layout: CacheLayout;
  /** [layers, heads, slots, headDim]; zero where never written. */
  readonly key: Float32Array;
  readonly value: Float32Array;
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
    this.key = new Float32Array(slots * floatsPerSlot(layout));
    this.value = new Float32Array(this.key.length);
    this.position = new Float64Array(slots);
    this.count = new Float32Array(slots);
    this.kind = new Uint8Array(slots);
  }

  /** Pages that hold a frame, oldest frame first. */
  get held(): readonly number[] {
    return this.#held;
  }

  /** Slots of `kind` among a page's; all slots of a page share it. */
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

  /**
   * Take the lowest free page for frame `frame`, newer than all held; its keys and values are the caller's to write.
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

  /** Copy frame `index` of fresh tokens into `page`. */
  write(page: number, fresh: KeysAndValues, index: number): void {
    const { layers, heads, headDim, tokensPerFrame } = this.layout;
    const length = tokensPerFrame * headDim;
    const slots = slotCount(this.layout);
    for (let row = 0; row < layers * heads; row++) {
      const from = (row * fresh.tokens + index * tokensPerFrame) * headDim;
      const to = (row * slots + page * tokensPerFrame) * headDim;
      this.key.set(fresh.key.subarray(from, from + length), to);
      this.value.set(fresh.value.subarray(from, from + length), to);
    }
  }

  /** Forget a held page. Its floats stay until they are overwritten. */
  release(page: number): void {
    this.#held = this.#held.filter((held) => held !== page);
    this.mark(page, SlotKind.empty);
  }

  /** Forget everything, stale floats included. */
  clear(): void {
    this.#held = [];
    for (const array of [this.key, this.value, this.position, this.count, this.kind]) array.fill(0);
  }

  /** Hold exactly `pages`, oldest frame first; their facts and floats are the caller's to write. */
  hold(pages: readonly number[]): void {
    this.clear();
    this.#held = [...pages];
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

  #lowestFree(): number {
    let page = 0;
    while (this.kindOf(page) !== SlotKind.empty) page++;
    return page;
  }
}
