import { as, type BitsPerSecond, type Millis } from "../../src/core/units.ts";
import type { StatsReport } from "../../src/protocol/events.ts";
import { gradeOf, type Quality } from "./grade.ts";
import { InputLatency } from "./input-latency.ts";
import type { NetworkSample } from "./network.ts";
import { RollingQuantiles } from "./quantiles.ts";
import type { TransportName } from "./transport.ts";

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
  readonly transport: TransportName | undefined;
  /** What the connection and the player know; empty before the first measurement. */
  readonly network: NetworkSample;
  /** Over WebRTC without markers, frames are told by estimated times: `inputToPicture` may be a frame off. */
  readonly isEstimated: boolean;
  readonly quality: Quality;
}

/** What a report takes from the rest of the session. */
export interface MeterContext {
  readonly transport: TransportName | undefined;
  readonly network: NetworkSample | undefined;
  readonly isEstimated: boolean;
  /** Frames are made on purpose: the session is neither paused nor ended. */
  readonly isStreaming: boolean;
  /** Frames a second that the model makes. */
  readonly nominalRate: number;
  /** The server sends less than was asked for. */
  readonly isReduced: boolean;
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
  #before = { skipped: 0, lost: 0, freezes: 0 };
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
  report(now: Millis, context: MeterContext): SessionStats {
    const seconds = Math.max(0.001, (now - this.#reportedAt) / 1000);
    const { network = {}, transport, isEstimated } = context;
    const fps = this.#drawnSince / seconds;
    const stats: SessionStats = {
      fps,
      bitrate: as(((this.#bytes + (network.bytes ?? 0)) * 8) / seconds),
      firstFrame: this.#firstFrame,
      frameInterval: spread(this.#intervals),
      inputToPicture: spread(this.latency.samples),
      received: this.#received,
      drawn: this.#drawn,
      dropped: this.dropped,
      decodeErrors: this.decodeErrors,
      server: this.#server,
      transport,
      network,
      isEstimated,
      quality: this.#grade(fps, network, context),
    };
    this.#reportedAt = now;
    this.#bytes = 0;
    this.#drawnSince = 0;
    return stats;
  }

  #grade(fps: number, network: NetworkSample, context: MeterContext): Quality {
    const now = {
      skipped: this.#server?.viewer.dropped_frames ?? 0,
      lost: this.dropped + this.decodeErrors + (network.framesDropped ?? 0),
      freezes: network.freezes ?? 0,
    };
    const before = this.#before;
    this.#before = now;
    return gradeOf({
      nominalRate: context.nominalRate,
      madeRate: context.isStreaming ? this.#server?.fps : undefined,
      drawnRate: fps,
      loss: network.loss ?? 0,
      roundTrip: network.roundTrip,
      isReduced: context.isReduced,
      skippedByServer: Math.max(0, now.skipped - before.skipped - (now.lost - before.lost)),
      lostHere: Math.max(0, now.lost - before.lost),
      freezes: Math.max(0, now.freezes - before.freezes),
    });
  }
}

function spread(values: RollingQuantiles): Spread | undefined {
  if (values.last === undefined) return undefined;
  return { last: values.last, p50: values.at(0.5), p95: values.at(0.95), p99: values.at(0.99) };
}
