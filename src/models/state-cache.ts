import { type CacheAllowance, type CacheChoice, settle } from "../cache/choice.ts";
import type { CacheInspection } from "../cache/inspection.ts";
import type { CacheLayout } from "../cache/layout.ts";
import { LinearState } from "../cache/linear-state.ts";
import type { CacheReport } from "../cache/report.ts";
import { RotaryRows } from "../cache/rotary.ts";
import type { BoundGraph } from "./graph.ts";
import type { Pass, PassParts, PlacedCache } from "./placed-cache.ts";

/** A linear state in this process's memory, and the passes over it. There is nothing to choose of it. */
export class StateCache implements PlacedCache {
  readonly #layout: CacheLayout;
  readonly #allowance: CacheAllowance;
  readonly #state: LinearState;

  constructor(layout: CacheLayout, allowance: CacheAllowance) {
    this.#layout = layout;
    this.#allowance = allowance;
    this.#state = new LinearState(layout);
  }

  get committed(): number {
    return this.#state.committed;
  }

  get report(): CacheReport {
    return this.#state.report;
  }

  get inspection(): CacheInspection {
    return this.#state.inspection;
  }

  pass(parts: PassParts): Pass {
    return new StatePass(parts, this.#layout, this.#state);
  }

  async keepBy(choice: CacheChoice): Promise<void> {
    await Promise.resolve(settle(choice, this.#allowance));
  }

  forget(): void {
    this.#state.forget();
  }

  clear(): void {
    this.#state.clear();
  }

  freeze(): Promise<Uint8Array> {
    return Promise.resolve(this.#state.freeze());
  }

  thawing(bytes: Uint8Array): () => Promise<void> {
    this.#state.requireFits(bytes);
    return () => {
      this.#state.thaw(bytes);
      return Promise.resolve();
    };
  }

  release(): void {
    // What it holds is this process's memory alone.
  }
}

/** A graph that reads the state and answers with the next. Its own frames are numbered from 0. */
class StatePass implements Pass {
  readonly #state: LinearState;
  readonly #next: Float32Array;
  readonly #graph: BoundGraph;

  constructor(
    { graph, frames, inputs, outputs }: PassParts,
    layout: CacheLayout,
    state: LinearState,
  ) {
    const { tokensPerFrame, position } = layout;
    const floats = (frames * tokensPerFrame * position.rotaryDim) / 2;
    const own = { cos: new Float32Array(floats), sin: new Float32Array(floats) };
    const rows = new RotaryRows(layout, frames);
    for (let row = 0; row < frames * tokensPerFrame; row++) {
      rows.write(own, row, Math.floor(row / tokensPerFrame));
    }
    this.#state = state;
    this.#next = new Float32Array(state.values.length);
    this.#graph = graph.bind(
      { ...inputs, cache_state: state.values, query_cos: own.cos, query_sin: own.sin },
      { ...outputs, state: this.#next },
    );
  }

  run(): Promise<void> {
    return this.#graph.run();
  }

  commit(frames: number): Promise<void> {
    this.#state.commit(this.#next, frames);
    return Promise.resolve();
  }
}
