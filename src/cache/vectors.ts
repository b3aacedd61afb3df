/** Arithmetic on the vectors of a slot: of one layer, all heads. */

import type { HostStore } from "./store.ts";

/** Dot product of two slots' keys in one layer, over all heads. */
function keyProduct(store: HostStore, layer: number, a: number, b: number): number {
  const { heads, headDim } = store.layout;
  const { key } = store;
  let sum = 0;
  for (let row = layer * heads; row < (layer + 1) * heads; row++) {
    const first = store.at(row, a);
    const second = store.at(row, b);
    for (let dim = 0; dim < headDim; dim++)
      sum += (key[first + dim] ?? 0) * (key[second + dim] ?? 0);
  }
  return sum;
}

/** Cosine of the angle between two slots' keys in one layer, over all heads. */
export const keyCosine = (store: HostStore, layer: number, a: number, b: number): number =>
  keyProduct(store, layer, a, b) /
  (Math.sqrt(keyProduct(store, layer, a, a) * keyProduct(store, layer, b, b)) + Number.EPSILON);

/** Smallest cosine between two slots' keys over the heads of one layer. */
export function leastHeadCosine(store: HostStore, layer: number, a: number, b: number): number {
  const { heads } = store.layout;
  let least = 1;
  for (let row = layer * heads; row < (layer + 1) * heads; row++) {
    least = Math.min(least, rowCosine(store, row, a, b));
  }
  return least;
}

function rowCosine(store: HostStore, row: number, a: number, b: number): number {
  const { key } = store;
  const first = store.at(row, a);
  const second = store.at(row, b);
  let [product, lengthA, lengthB] = [0, 0, 0];
  for (let dim = 0; dim < store.layout.headDim; dim++) {
    const x = key[first + dim] ?? 0;
    const y = key[second + dim] ?? 0;
    product += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return product / (Math.sqrt(lengthA * lengthB) + Number.EPSILON);
}

/**
 * Move one part of a slot in a layer towards another slot's: `to` becomes (1 - weight)·to + weight·from.
 *
 * Returns the squared distance that lay between them over the squared length of `from`.
 */
export function blend(
  store: HostStore,
  part: "key" | "value",
  at: { readonly layer: number; readonly from: number; readonly to: number },
  weight: number,
): number {
  const { heads, headDim } = store.layout;
  const floats = store[part];
  let [distance, length] = [0, 0];
  for (let row = at.layer * heads; row < (at.layer + 1) * heads; row++) {
    const from = store.at(row, at.from);
    const to = store.at(row, at.to);
    for (let dim = 0; dim < headDim; dim++) {
      const x = floats[from + dim] ?? 0;
      const gap = x - (floats[to + dim] ?? 0);
      floats[to + dim] = (floats[to + dim] ?? 0) + weight * gap;
      distance += gap * gap;
      length += x * x;
    }
  }
  return distance / (length + Number.EPSILON);
}
