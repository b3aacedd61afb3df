/** A memory of constant size: one matrix a head, in place of slots. */

import { ByteReader, ByteWriter } from "../core/bytes.ts";
import { StreamError } from "../core/errors.ts";
import { as } from "../core/units.ts";
import type { CacheInspection } from "./inspection.ts";
import { type CacheLayout, rowCount } from "./layout.ts";
import type { CacheReport } from "./report.ts";

const COMMITTED_BYTES = 8;

/**
 * The state of one generation's gated linear recurrence: read by every pass, written once per block.
 *
 * The graph decays it and adds what a block brings; here it is only kept. However long a session runs, it is as large as
 * at first. Source: ARFlow.
 */
export class LinearState {
  /** [layers, heads, headDim, headDim]; the same array for good. All zero before anything was committed. */
  readonly values: Float32Array;
  #committed = 0;

  constructor(layout: CacheLayout) {
    this.values = new Float32Array(rowCount(layout) * layout.headDim ** 2);
  }

  /** Frames committed since the beginning. */
  get committed(): number {
    return this.#committed;
  }

  /** It has no slots: 0 are in use, of 0. */
  get report(): CacheReport {
    return { policy: "state", bytes: as(this.values.byteLength), slots: 0, capacity: 0 };
  }

  /** No slot stands for any token. */
  get inspection(): CacheInspection {
    return { ages: [], frames: this.#committed, ratio: 1, recall: 0, error: 0 };
  }

  /** Be `next`, the state after `frames` more frames. */
  commit(next: Float32Array, frames: number): void {
    this.values.set(next);
    this.#committed += frames;
  }

  /** Forget everything and go on counting frames. */
  forget(): void {
    this.values.fill(0);
  }

  /** Forget everything and count frames from 0 again. */
  clear(): void {
    this.forget();
    this.#committed = 0;
  }

  /** The bytes that `thaw` brings it back from, bit for bit. */
  freeze(): Uint8Array {
    return new ByteWriter().put(Float64Array.of(this.#committed)).put(this.values).finish();
  }

  /** @throws {StreamError} `snapshot_invalid` when `bytes` are not of a state of this size. */
  requireFits(bytes: Uint8Array): void {
    const fits = bytes.length === COMMITTED_BYTES + this.values.byteLength;
    const [committed = -1] = fits ? new ByteReader(bytes).fill(new Float64Array(1)) : [];
    if (Number.isSafeInteger(committed) && committed >= 0) return;
    throw new StreamError("snapshot_invalid", "this is no snapshot: its state has another size");
  }

  /** Go on from what `freeze` gave; see `requireFits`. */
  thaw(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    const [committed = 0] = reader.fill(new Float64Array(1));
    reader.fill(this.values);
    this.#committed = committed;
  }
}
