/**
 * What a cache keeps. A policy says what a frame enters as and what must leave before frames enter; policies
 * compose, so that keeping sinks, sliding a window, merging or compressing are each said once.
 */

import { StreamError } from "../core/errors.ts";
import type { Bytes } from "../core/units.ts";
import { type CacheRecord, SlotKind } from "./record.ts";

/** How much of the past a cache keeps; at most what the package was built for. */
export interface CacheChoice {
  /** `window`: sinks, and the newest frames. `full`: everything, until there is no room. */
  readonly policy: "window" | "full";
  /** Frames the window keeps, sinks not counted; at least one block's. */
  readonly windowFrames: number;
  /** The first frames, which are never evicted. */
  readonly sinkFrames: number;
}

/** What a cache holds. */
export interface CacheReport {
  readonly policy: string;
  /** Keys and values of the slots in use. */
  readonly bytes: Bytes;
  /** Slots in use, tokens. */
  readonly slots: number;
  readonly capacity: number;
}

/** One rule about what stays. Pure: all state is the record's. */
export interface CachePolicy {
  /** As reports show it; empty for a policy that does nothing. */
  readonly name: string;
  /** What the slots of frame `frame` are; undefined where this policy has no say. */
  kindOf(frame: number): SlotKind | undefined;
  /** Let go of (or fold into other slots) what must leave before frames of these kinds enter. */
  makeRoom(record: CacheRecord, entering: readonly SlotKind[]): void;
}

/** The first `count` frames are sinks. */
export const sinks = (count: number): CachePolicy => ({
  name: count === 0 ? "" : `sink ${count}`,
  kindOf: (frame) => (frame < count ? SlotKind.sink : undefined),
  makeRoom: () => undefined,
});

/** Of the frames that are not sinks, only the newest `size` stay. */
export const window = (size: number): CachePolicy => ({
  name: `window ${size}`,
  kindOf: () => undefined,
  makeRoom: (record, entering) => {
    const raw = record.held.filter((page) => record.kindOf(page) === SlotKind.raw);
    const keep = size - entering.filter((kind) => kind === SlotKind.raw).length;
    for (const page of raw.slice(0, Math.max(0, raw.length - keep))) record.release(page);
  },
});

/** Nothing leaves; the record refuses frames that it has no room for. */
export const full: CachePolicy = {
  name: "full",
  kindOf: () => undefined,
  makeRoom: () => undefined,
};

/** Ask `policies` in turn: the first answer about a kind holds, each makes room. */
export const compose = (...policies: readonly CachePolicy[]): CachePolicy => ({
  name: policies.flatMap(({ name }) => (name === "" ? [] : [name])).join(" + "),
  kindOf: (frame) => {
    for (const policy of policies) {
      const kind = policy.kindOf(frame);
      if (kind !== undefined) return kind;
    }
    return undefined;
  },
  makeRoom: (record, entering) => {
    for (const policy of policies) policy.makeRoom(record, entering);
  },
});

/** The most a cache may be asked to keep. */
export interface CacheBounds {
  readonly framesPerBlock: number;
  readonly windowFrames: number;
  readonly sinkFrames: number;
}

/**
 * The policy a choice stands for.
 *
 * @throws {StreamError} `bad_parameter` when the choice lies outside `bounds`.
 */
export function policyOf(choice: CacheChoice, bounds: CacheBounds): CachePolicy {
  within("windowFrames", choice.windowFrames, bounds.framesPerBlock, bounds.windowFrames);
  within("sinkFrames", choice.sinkFrames, 0, bounds.sinkFrames);
  return choice.policy === "full"
    ? full
    : compose(sinks(choice.sinkFrames), window(choice.windowFrames));
}

function within(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new StreamError(
    "bad_parameter",
    `cache.${name} is ${value}; this model takes a whole number from ${low} to ${high}`,
    { detail: { path: `cache.${name}` } },
  );
}
