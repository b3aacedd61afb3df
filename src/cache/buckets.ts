/**
 * Which keys may matter to which queries, told without comparing them: both are hashed into buckets, and only
 * those that share one are looked at.
 *
 * Source: AnnSA and AnnCA (arXiv:2602.01801); random hyperplanes as in Charikar, "Similarity estimation techniques
 * from rounding algorithms" (STOC 2002). Nothing here knows what kind of slot a key belongs to.
 */

import { drawNormals } from "../core/noise.ts";

/** How finely vectors are told apart. */
export interface BucketSizes {
  /** Two vectors share a bucket where they do in one of so many tables. */
  readonly tables: number;
  /** Hyperplanes of a table, which has 2 to their power buckets; 0 to 16. */
  readonly bits: number;
}

/** What sessions hash with: as selective as a memory of thousands of slots needs to gain time by it. */
export const BUCKET_SIZES: BucketSizes = { tables: 4, bits: 10 };

/** Noise lane of the hyperplanes; no picture is drawn from it. */
const PLANE_LANE = 0xd1;

/** Hashes vectors by the sides of seeded random hyperplanes that they lie on: a small angle, likely one bucket. */
export class BucketHash {
  readonly tables: number;
  /** Buckets of a table. */
  readonly buckets: number;
  readonly #bits: number;
  readonly #dims: number;
  /** Normals of the hyperplanes, [tables, bits, dims]. */
  readonly #planes: Float32Array;

  constructor(dims: number, { tables, bits }: BucketSizes) {
    this.tables = tables;
    this.buckets = 2 ** bits;
    this.#bits = bits;
    this.#dims = dims;
    this.#planes = new Float32Array(tables * bits * dims);
    drawNormals(this.#planes, { seed: 0, block: 0, step: 0, lane: PLANE_LANE });
  }

  /** Write the buckets of the vector `floats[at..]`, one for each table, to `codes[to..]`. */
  write(floats: Float32Array, at: number, codes: Uint16Array, to: number): void {
    const planes = this.#planes;
    const dims = this.#dims;
    let plane = 0;
    for (let table = 0; table < this.tables; table++) {
      let code = 0;
      for (let bit = 0; bit < this.#bits; bit++) {
        let side = 0;
        for (let dim = 0; dim < dims; dim++) {
          side += (floats[at + dim] ?? 0) * (planes[plane + dim] ?? 0);
        }
        code = 2 * code + (side > 0 ? 1 : 0);
        plane += dims;
      }
      codes[to + table] = code;
    }
  }
}

/** The buckets that some vectors lie in: for each row (a layer's head) a set in each table. */
export class BucketSet {
  /** A byte a bucket, [rows, tables, buckets]: 1 where a vector lies in it. */
  readonly bytes: Uint8Array;
  readonly #tables: number;
  readonly #buckets: number;

  constructor(rows: number, { tables, buckets }: Pick<BucketHash, "tables" | "buckets">) {
    this.bytes = new Uint8Array(rows * tables * buckets);
    this.#tables = tables;
    this.#buckets = buckets;
  }

  /** Add the buckets `codes[at..]` to those of a row. */
  add(row: number, codes: Uint16Array, at: number): void {
    for (let table = 0; table < this.#tables; table++) {
      this.bytes[this.#at(row, table) + (codes[at + table] ?? 0)] = 1;
    }
  }

  /** Whether one of `rows` rows from `row` on has a bucket of its own part of `codes[at..]`, [rows, tables]. */
  shares(row: number, rows: number, codes: Uint16Array, at: number): boolean {
    const { bytes } = this;
    const buckets = this.#buckets;
    let set = this.#at(row, 0);
    for (let i = at; i < at + rows * this.#tables; i++) {
      if (bytes[set + (codes[i] ?? 0)] === 1) return true;
      set += buckets;
    }
    return false;
  }

  #at(row: number, table: number): number {
    return (row * this.#tables + table) * this.#buckets;
  }
}
