/**
 * What a cache keeps. A policy says what a frame enters as, and what becomes of frames before others enter;
 * policies compose, so that keeping sinks, sliding a window and each kind of memory are said once.
 */

import type { CacheRecord, RawFrame } from "./record.ts";
import { SlotKind } from "./record.ts";
import type { HostStore } from "./store.ts";

/** What a policy works on. */
export interface CacheSpace {
  readonly record: CacheRecord;
  /** The floats; undefined where they lie on a device, and policies can only let frames go. */
  readonly store: HostStore | undefined;
  /** Number of the newest frame committed so far, plus one. */
  readonly committed: number;
  readonly tally: CacheTally;
}

/** Running sums behind a cache's estimated error. Mutable on purpose: policies add to it. */
export class CacheTally {
  #error = 0;
  #tokens = 0;

  /** `tokens` tokens were folded into others at a relative squared error of `error` each. */
  add(error: number, tokens: number): void {
    this.#error += error * tokens;
    this.#tokens += tokens;
  }

  /** Root of the mean squared error of what was folded, relative to what it replaced; 0 before anything was. */
  get relativeError(): number {
    return this.#tokens === 0 ? 0 : Math.sqrt(this.#error / this.#tokens);
  }

  clear(): void {
    this.#error = 0;
    this.#tokens = 0;
  }
}

/** One rule about what stays. All state is the record's. */
export interface CachePolicy {
  /** As reports show it; empty for a policy that does nothing. */
  readonly name: string;
  /** Slots of a layer that it ever needs for frames of `tokensPerFrame`; undefined for one that keeps everything. */
  slots(tokensPerFrame: number): number | undefined;
  /** Whether a slot that stands for m tokens weighs as much as m of them. */
  readonly weighsCounts: boolean;
  /** What frame `frame` enters as; undefined where this policy has no say. */
  kindOf(frame: number): RawFrame["kind"] | undefined;
  /** Let go of (or fold into other slots) what must leave before frames of these kinds enter. */
  makeRoom(space: CacheSpace, entering: readonly SlotKind[]): void | Promise<void>;
}

/** The first `count` frames are sinks. */
export const sinks = (count: number): CachePolicy => ({
  name: count === 0 ? "" : `sink ${count}`,
  slots: (tokensPerFrame) => count * tokensPerFrame,
  weighsCounts: true,
  kindOf: (frame) => (frame < count ? SlotKind.sink : undefined),
  makeRoom: () => undefined,
});

/** What becomes of frames that leave a window. */
export interface Memory {
  /** As reports show it; empty for one that keeps nothing. */
  readonly name: string;
  /** Slots of a layer it has, those of waiting frames included. */
  readonly slots: number;
  readonly weighsCounts?: boolean;
  /** Frames that may wait outside the window until they are taken together; 0 where each is taken at once. */
  readonly waiting: number;
  /** Take in `leaving`, oldest first: settle, merge or free every slot of theirs. */
  take(leaving: readonly RawFrame[], space: CacheSpace): void | Promise<void>;
}

/** Of the frames that are not sinks, the newest `size` stay as they are; `memory` takes the others. */
export const window = (size: number, memory: Memory = forget): CachePolicy => ({
  name: [`window ${size}`, memory.name].filter((name) => name !== "").join(" + "),
  slots: (tokensPerFrame) => size * tokensPerFrame + memory.slots,
  weighsCounts: memory.weighsCounts ?? true,
  kindOf: () => undefined,
  makeRoom: async (space, entering) => {
    const raw = space.record.window;
    const keep = size - entering.filter((kind) => kind === SlotKind.raw).length;
    const leaving = Math.max(0, raw.length - keep);
    const taken = leaving - (leaving % (memory.waiting + 1));
    if (taken > 0) await memory.take(raw.slice(0, taken), space);
  },
});

/** Frames that leave are gone. */
const forget: Memory = {
  name: "",
  slots: 0,
  waiting: 0,
  take: (leaving, { record }) => {
    for (const frame of leaving) record.release(frame);
  },
};

/** Ask `policies` in turn: the first answer about a kind holds, each makes room. */
export const compose = (...policies: readonly CachePolicy[]): CachePolicy => ({
  name: policies.flatMap(({ name }) => (name === "" ? [] : [name])).join(" + "),
  slots: (tokensPerFrame) => {
    const each = policies.map((policy) => policy.slots(tokensPerFrame));
    return each.reduce((n, m) => (n === undefined || m === undefined ? undefined : n + m), 0);
  },
  weighsCounts: policies.every(({ weighsCounts }) => weighsCounts),
  kindOf: (frame) => {
    for (const policy of policies) {
      const kind = policy.kindOf(frame);
      if (kind !== undefined) return kind;
    }
    return undefined;
  },
  makeRoom: async (space, entering) => {
    for (const policy of policies) await policy.makeRoom(space, entering);
  },
});
