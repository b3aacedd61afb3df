/** Spreads what is sent over time: a token bucket with sound first. */

import { as, type Millis } from "../../core/units.ts";

/** What waits to be sent. */
export interface Paced {
  /** Bytes on the wire. */
  readonly size: number;
}

/** Packets leave at this many times the target, so that a key picture does not fill the network's queues. */
const HASTE = 2.5;
/** And no faster where the target is all that the network takes. */
const NARROW_HASTE = 1.1;
/** So much may leave at once. */
const BURST: Millis = as(40);
const LEAST_BURST = 5_000;
/** Pictures that would take longer than this at the target rate are dropped. */
const MOST_QUEUED: Millis = as(250);

/**
 * The queue of one connection, without a clock of its own.
 *
 * Sound is never dropped and never waits for pictures. Pictures wait for their turn; when too many wait they are all
 * dropped. A key picture does not count among those: it may take what it needs.
 */
export class Pacer<Item extends Paced> {
  readonly #sound: Item[] = [];
  #video: Item[] = [];
  #next = 0;
  #queued = 0;
  #keyBytes = 0;
  #tokens: number;
  #filledAt: Millis;
  #target: number;
  #haste = HASTE;

  /** `target` in bit/s. */
  constructor(target: number, now: Millis) {
    this.#target = target;
    this.#filledAt = now;
    this.#tokens = this.#burst;
  }

  set target(bitrate: number) {
    this.#target = bitrate;
  }

  /** Whether the target is all that the network takes; else it is what is wanted of it. */
  set isNarrow(isNarrow: boolean) {
    this.#haste = isNarrow ? NARROW_HASTE : HASTE;
  }

  /** Bytes of pictures that wait. */
  get queuedBytes(): number {
    return this.#queued;
  }

  pushSound(item: Item): void {
    this.#sound.push(item);
  }

  /**
   * Append a picture's packets.
   *
   * @returns false when too much waits: all pictures are dropped then, this one too.
   */
  pushVideo(items: readonly Item[], isKey: boolean): boolean {
    const bytes = items.reduce((sum, { size }) => sum + size, 0);
    if (isKey) this.#keyBytes += bytes;
    const allowed = this.#keyBytes + (this.#target * MOST_QUEUED) / 8000;
    if (this.#queued > 0 && this.#queued + bytes > allowed) {
      this.clearVideo();
      return false;
    }
    this.#video.push(...items);
    this.#queued += bytes;
    return true;
  }

  /** The next packet that may leave at `now`; undefined when none may. */
  take(now: Millis): Item | undefined {
    const sound = this.#sound.shift();
    if (sound !== undefined) {
      this.spend(sound.size);
      return sound;
    }
    this.#fill(now);
    const item = this.#tokens > 0 ? this.#video[this.#next] : undefined;
    if (item === undefined) return undefined;
    this.#next += 1;
    this.#queued -= item.size;
    this.spend(item.size);
    if (this.#next === this.#video.length) this.clearVideo();
    return item;
  }

  /** Count bytes that left past the queue. */
  spend(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** Let no picture leave for `duration`. */
  hold(duration: Millis): void {
    this.#tokens = Math.min(this.#tokens, 1 - duration * this.#bytesPerMilli);
  }

  /** How long until `take` has something; undefined when nothing waits. */
  wait(now: Millis): Millis | undefined {
    if (this.#sound.length > 0) return as(0);
    if (this.#next >= this.#video.length) return undefined;
    this.#fill(now);
    return as(Math.max(0, (1 - this.#tokens) / this.#bytesPerMilli));
  }

  /** Drop every picture that waits. */
  clearVideo(): void {
    this.#video = [];
    this.#next = 0;
    this.#queued = 0;
    this.#keyBytes = 0;
  }

  get #bytesPerMilli(): number {
    return (this.#haste * this.#target) / 8000;
  }

  get #burst(): number {
    return Math.max(LEAST_BURST, this.#bytesPerMilli * BURST);
  }

  #fill(now: Millis): void {
    const gained = (now - this.#filledAt) * this.#bytesPerMilli;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
