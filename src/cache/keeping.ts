/** Memories that keep some tokens as they came: all, every n-th frame's, or some drawn at random. */

import { drawWords } from "../core/noise.ts";
import type { CachePolicy, CacheSpace, Memory } from "./policy.ts";
import { type RawFrame, SlotKind } from "./record.ts";
import { freeOldest } from "./temp-cache.ts";

/** Every frame stays as it came; the record refuses those that it has no room for. */
export const keepAll: CachePolicy = {
  name: "full",
  slots: () => undefined,
  weighsCounts: true,
  kindOf: () => undefined,
  makeRoom: () => undefined,
};

/** One frame of every `every` stays, the newest `slots` tokens of them. */
export const thin = (slots: number, every: number): Memory => ({
  name: `thin ${slots} of every ${every}`,
  slots,
  waiting: 0,
  take: (leaving, space) => {
    for (const frame of leaving) {
      if (frame.frame % every !== 0) {
        space.record.release(frame);
        continue;
      }
      keep(frame, space);
      for (const layer of frame.slots.keys()) freeOldest(space, layer, slots);
    }
  },
});

/** Noise lane of the draws that decide what is dropped; no picture is drawn from it. */
const DROP_LANE = 0xd0;

/**
 * Tokens drawn at random from all that ever left the window, `slots` in each layer: what a memory must beat.
 *
 * Source: Vitter, "Random sampling with a reservoir" (1985), algorithm R. Draws are a function of the frame's
 * number, so equal histories keep equal tokens.
 */
export const randomDrop = (slots: number): Memory => ({
  name: `random ${slots}`,
  slots,
  waiting: 0,
  take: (leaving, space) => {
    for (const frame of leaving) {
      space.record.dissolve(frame);
      for (const [layer, own] of frame.slots.entries()) sample(space, { frame, layer, own }, slots);
    }
  },
});

interface LeavingTokens {
  readonly frame: RawFrame;
  readonly layer: number;
  readonly own: Uint32Array;
}

function sample({ record }: CacheSpace, { frame, layer, own }: LeavingTokens, most: number): void {
  const draws = new Uint32Array(4 * Math.ceil(own.length / 4));
  drawWords(draws, { seed: 0, block: frame.frame, step: layer, lane: DROP_LANE });
  const held = [...record.memorySlots(layer)];
  for (const [token, slot] of own.entries()) {
    const seen = frame.frame * own.length + token + 1;
    const place = Math.floor(((draws[token] ?? 0) / 2 ** 32) * seen);
    if (held.length < most) held.push(slot);
    else if (place < most) {
      record.free(layer, held[place] ?? slot);
      held[place] = slot;
    } else {
      record.free(layer, slot);
      continue;
    }
    record.settle(layer, slot, { kind: SlotKind.kept });
  }
}

function keep(frame: RawFrame, { record }: CacheSpace): void {
  record.dissolve(frame);
  for (const [layer, slots] of frame.slots.entries()) {
    for (const slot of slots) record.settle(layer, slot, { kind: SlotKind.kept });
  }
}
