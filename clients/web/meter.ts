import { as, type BitsPerSecond, type Millis } from "../../src/core/units.ts";
import type { StatsReport } from "../../src/protocol/events.ts";
import { InputLatency } from "./input-latency.ts";
import { RollingQuantiles } from "./quantiles.ts";

/** Quantiles of a duration, milliseconds; undefined before the first measurement. */
export interface Spread {
  readonly last: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What a session looks like from this side of the glass, and the server's newest report. */
export interface SessionStats {
  /** Frames drawn per second since the report before. */
  readonly fps: number;
  readonly bitrate: BitsPerSecond;
  /** From `connect` to the first drawn frame. */
  readonly firstFrame: Millis | undefined;
  /** Between drawn frames, over about ten seconds. */
  readonly frameInterval: Spread | undefined;
  /** From sending a control to drawing the first frame that shows it. */
  readonly inputToPicture: Spread | undefined;
  readonly received: number;
  readonly drawn: number;
  /** Frames this client passed over, so as to show a newer one. */
  readonly dropped: number;
  readonly decodeErrors: number;
  readonly server: StatsReport | undefined;
}

/** Intervals kept: about ten seconds. */
const INTERVALS = 300;
/** A gap this long is a pause, not an interval. */
const PAUSE: Millis = as(1_000);

/** Counts what a session receives and draws. Pure: the time is an argument. */
export class Meter {
  readonly latency = new InputLatency();
  readonly #started: Millis;
  readonly #intervals = new RollingQuantiles(INTERVALS);
  #firstFrame: Millis | undefined;
  #drawnAt: Millis | undefined;
  #reportedAt: Millis;
  #bytes = 0;
  #drawnSince = 0;
  #received = 0;
  #drawn = 0;
  #server: StatsReport | undefined;
  dropped = 0;
  decodeErrors = 0;

  constructor(started: Millis) {
    this.#started = started;
    this.#reportedAt = started;
  }

  received(bytes: number): void {
    this.#received += 1;
    this.#bytes += bytes;
  }

  /** A frame that shows `epoch` was drawn; returns the input latency it ended, if any. */
  drawn(epoch: number, at: Millis): Millis | undefined {
    this.#firstFrame ??= as(at - this.#started);
    if (this.#drawnAt !== undefined && at - this.#drawnAt < PAUSE) {
      this.#intervals.push(at - this.#drawnAt);
    }
    this.#drawnAt = at;
    this.#drawn += 1;
    this.#drawnSince += 1;
    return this.latency.drawn(epoch, at);
  }

  serverReport(report: StatsReport): void {
    this.#server = report;
  }

  /** The numbers at `now`; rates are over the time since the call before. */
  report(now: Millis): SessionStats {
    const seconds = Math.max(0.001, (now - this.#reportedAt) / 1000);
    const stats: SessionStats = {
      fps: this.#drawnSince / seconds,
      bitrate: as((this.#bytes * 8) / seconds),
      firstFrame: this.#firstFrame,
      frameInterval: spread(this.#intervals),
      inputToPicture: spread(this.latency.samples),
      received: this.#received,
      drawn: this.#drawn,
      dropped: this.dropped,
      decodeErrors: this.decodeErrors,
      server: this.#server,
    };
    this.#reportedAt = now;
    this.#bytes = 0;
    this.#drawnSince = 0;
    return stats;
  }
}

function spread(values: RollingQuantiles): Spread | undefined {
  if (values.last === undefined) return undefined;
  return { last: values.last, p50: values.at(0.5), p95: values.at(0.95), p99: values.at(0.99) };
}
