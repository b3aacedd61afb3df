import type { CacheSpace, Memory } from "./policy.ts";
import { SlotKind } from "./record.ts";
import type { HostStore } from "./store.ts";
import { freeOldest } from "./temp-cache.ts";
import { blend } from "./vectors.ts";

/**
 * Far frames at a coarser rate: squares of `side` by `side` tokens become one, at most `slots` in each layer.
 *
 * Source: FAR (arXiv:2503.19325), whose far frames have few tokens; there they are made by a projection of
 * their own, here by a mean, so that any model can be asked to. Frames are square grids of tokens.
 */
export const pool = (slots: number, side: number): Memory => ({
  name: `pool ${side}x${side} ${slots}`,
  slots,
  waiting: 0,
  take: (leaving, space) => {
    const { record, store } = space;
    if (store === undefined) throw new TypeError("pooling needs the floats in this process");
    for (const frame of leaving) {
      record.dissolve(frame);
      for (const [layer, own] of frame.slots.entries()) {
        for (const square of squaresOf(own, side)) foldSquare(space, store, layer, square);
        freeOldest(space, layer, slots);
      }
    }
  },
});

/** A frame's slots by square, each in raster order. */
function squaresOf(own: Uint32Array, side: number): number[][] {
  const across = Math.sqrt(own.length);
  const squares = new Map<number, number[]>();
  for (const [token, slot] of own.entries()) {
    const row = Math.floor(token / across / side);
    const square = row * across + Math.floor((token % across) / side);
    squares.set(square, [...(squares.get(square) ?? []), slot]);
  }
  return [...squares.values()];
}

/** Let the first slot of a square hold the mean of all. */
function foldSquare(
  { record, tally }: CacheSpace,
  store: HostStore,
  layer: number,
  [to, ...others]: readonly number[],
): void {
  if (to === undefined) return;
  for (const [i, from] of others.entries()) {
    blend(store, "key", { layer, from, to }, 1 / (i + 2));
    tally.add(blend(store, "value", { layer, from, to }, 1 / (i + 2)), 1);
    record.free(layer, from);
  }
  store.wrote(layer, to);
  record.settle(layer, to, { kind: SlotKind.compressed, count: others.length + 1 });
}
