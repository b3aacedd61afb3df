import { as, type Micros, type Millis, microsToMillis } from "../../src/core/units.ts";
import { RollingQuantiles } from "./quantiles.ts";

/** How far pictures may be held back to even out their spacing, and when to start over. */
export interface PlayoutOptions {
  /** Longest a picture is held back, in frame durations. 0 shows every picture as it comes. */
  readonly maxHoldFrames: number;
}

/** Hold at most one frame: enough to absorb a network's jitter, too short to feel. */
export const DEFAULT_PLAYOUT: PlayoutOptions = { maxHoldFrames: 1 };

/** Arrivals whose lateness is remembered: about two seconds. */
const WINDOW = 48;
/** Pictures waiting at most; the oldest goes first. */
const QUEUE = 6;
/** A picture this late against the rest means the stream stood still: start over. */
const DISCONTINUITY: Millis = as(400);
/** A picture due within half a display tick is due at this tick. */
const TICK_TOLERANCE: Millis = as(6);
/**
 * A picture is shown as long after the one before as it was made after it, while that is this near the time it is due:
 * just more than a tick at 60 Hz. Pictures due at the edge between two ticks would else come now at one, now at the other.
 */
const CADENCE_TOLERANCE: Millis = as(18);
/** The same while there is sound, which pictures must stay with: half a tick. */
const CADENCE_WITH_SOUND: Millis = as(8);
/** Pictures wait for late sound at most this long after they could be shown. */
const MOST_WAIT: Millis = as(160);
/** Share of the way to its target that the offset moves per arrival. */
const GLIDE = 0.15;

/** A decoded picture with the media time it belongs to. */
interface Waiting<T> {
  readonly item: T;
  readonly pts: Micros;
}

/** What one display tick shows, and what it passes over. */
export interface Due<T> {
  readonly show: T | undefined;
  readonly skipped: readonly T[];
}

/**
 * When to show each decoded picture: its media time plus an offset that follows the fastest arrivals
 * and their jitter, so that pictures which come unevenly are shown evenly; of several that are due
 * the newest is shown.
 *
 * Pure: the time is an argument. Owns nothing: every item pushed is returned exactly once, shown or
 * skipped.
 */
export class Playout<T> {
  readonly #options: PlayoutOptions;
  readonly #lateness = new RollingQuantiles(WINDOW);
  #queue: Waiting<T>[] = [];
  #offset: number | undefined;
  /** The picture shown last, and at which tick. */
  #shown: { readonly pts: Micros; readonly at: Millis } | undefined;
  /** Where sound is heard, for pictures to be shown with it. */
  #lead: Millis | undefined;

  constructor(options: PlayoutOptions = DEFAULT_PLAYOUT) {
    this.#options = options;
  }

  /** Take a decoded picture; returns the pictures passed over to bound the queue. */
  push(item: T, time: { pts: Micros; duration: Micros }, now: Millis): readonly T[] {
    this.#settle(now - microsToMillis(time.pts), microsToMillis(time.duration));
    this.#queue.push({ item, pts: time.pts });
    const excess = Math.max(0, this.#queue.length - QUEUE);
    return this.#queue.splice(0, excess).map((waiting) => waiting.item);
  }

  /** Show pictures when sound of their media time is heard, at media time plus `offset`; alone when undefined. */
  follow(offset: Millis | undefined): void {
    this.#lead = offset;
  }

  /** What a display tick at `now` shows. */
  due(now: Millis): Due<T> {
    const isDue = ({ pts }: Waiting<T>) => this.#dueAt(pts) <= now + TICK_TOLERANCE;
    const ready = this.#queue.filter(isDue);
    const newest = ready.at(-1);
    if (newest !== undefined) {
      this.#queue = this.#queue.filter((waiting) => !isDue(waiting));
      this.#shown = { pts: newest.pts, at: now };
    }
    return {
      show: newest?.item,
      skipped: ready.slice(0, -1).map((waiting) => waiting.item),
    };
  }

  /** Forget the past, as after a reconnect; returns the pictures that were waiting. */
  clear(): readonly T[] {
    const waiting = this.#queue.map(({ item }) => item);
    this.#queue = [];
    this.#restart();
    return waiting;
  }

  #dueAt(pts: Micros): number {
    const due = microsToMillis(pts) + (this.#offset ?? 0);
    if (this.#shown === undefined) return due;
    const inCadence = this.#shown.at + microsToMillis(as(pts - this.#shown.pts));
    const tolerance = this.#lead === undefined ? CADENCE_TOLERANCE : CADENCE_WITH_SOUND;
    return Math.abs(inCadence - due) <= tolerance ? inCadence : due;
  }

  #settle(lateness: number, duration: Millis): void {
    const fastest = this.#lateness.at(0);
    if (Math.abs(lateness - fastest) > DISCONTINUITY) this.#restart();
    this.#lateness.push(lateness);
    const base = this.#lateness.at(0);
    const jitter = this.#lateness.at(0.95) - base;
    const target =
      this.#lead === undefined
        ? base + Math.min(jitter, this.#options.maxHoldFrames * duration)
        : Math.min(Math.max(this.#lead, base), base + MOST_WAIT);
    this.#offset =
      this.#offset === undefined ? target : this.#offset + (target - this.#offset) * GLIDE;
  }

  #restart(): void {
    this.#lateness.clear();
    this.#offset = undefined;
    this.#shown = undefined;
  }
}
