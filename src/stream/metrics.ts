import { as, type Millis } from "../core/units.ts";
import type { BlockResult, BlockTimings, CacheReport } from "./engine/contract.ts";
import type { Position, SessionReport, Spread } from "./events.ts";

interface Sample {
  readonly frames: number;
  readonly blockTime: Millis;
  readonly timings: BlockTimings;
}

/** Blocks kept between two reports; a faster session is measured by its newest. */
const KEPT = 256;

/** Gathers what happens in a session between two reports. */
export class SessionMetrics {
  #samples: Sample[] = [];
  #late = { frames: 0, worst: as<Millis>(0) };
  #cache: CacheReport | null = null;
  #since: Millis;

  constructor(now: Millis) {
    this.#since = now;
  }

  /** A block came back `blockTime` after it was asked for. */
  made(result: BlockResult, blockTime: Millis): void {
    this.#cache = result.cache;
    this.#samples.push({ frames: result.frames, blockTime, timings: result.timings });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** A frame was let go `late` after its time. */
  released(late: Millis): void {
    if (late <= 0) return;
    this.#late = { frames: this.#late.frames + 1, worst: as(Math.max(this.#late.worst, late)) };
  }

  /** Report on the time since the last report, and begin again. */
  report(at: Position, now: Millis): SessionReport {
    const samples = this.#samples;
    const seconds = Math.max(now - this.#since, 1) / 1000;
    const frames = samples.reduce((sum, sample) => sum + sample.frames, 0);
    const report: SessionReport = {
      ...at,
      fps: frames / seconds,
      blockTime: spread(samples.map(({ blockTime }) => blockTime)),
      stages: meanTimings(samples.map(({ timings }) => timings)),
      late: this.#late,
      cache: this.#cache,
    };
    this.#samples = [];
    this.#late = { frames: 0, worst: as(0) };
    this.#since = now;
    return report;
  }
}

/** Nearest-rank quantiles; zeros when there is nothing to measure. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

function meanTimings(timings: readonly BlockTimings[]): SessionReport["stages"] {
  const mean = (part: keyof BlockTimings): Millis =>
    as(timings.reduce((sum, each) => sum + each[part], 0) / Math.max(timings.length, 1));
  return {
    encoder: mean("encoder"),
    denoise: mean("denoise"),
    decode: mean("decode"),
    encode: mean("encode"),
  };
}
