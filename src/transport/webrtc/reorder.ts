/** Puts packets back into the order they were sent in, and knows which are missing. */

import { as, type Millis } from "../../core/units.ts";

/** A packet, in order. */
export interface Ordered<Packet> {
  readonly packet: Packet;
  /** Packets in front of it are lost. */
  readonly afterLoss: boolean;
}

/** A missing packet is waited for so long, and asked for so often. */
const PATIENCE: Millis = as(200);
const ASK_EVERY: Millis = as(40);
/** A few packets overtake one another; a missing one is asked for when it is later than this. */
const OVERTAKING: Millis = as(10);
/** More waiting packets than this end the wait; a jump as far is a new beginning. */
const MOST = 1_024;

/** One stream's packets by their 16-bit numbers. */
export class ReorderBuffer<Packet> {
  readonly #held = new Map<number, Packet>();
  #next: number | undefined;
  #highest = 0;
  #gapSince: Millis | undefined;
  #askedAt: Millis = as(-Infinity);

  /** Highest number so far, its wraps counted above 16 bits. */
  get highest(): number {
    return this.#highest;
  }

  /** Take in a packet; one that comes twice or too late is ignored. */
  push(sequence: number, packet: Packet, now: Millis): void {
    const number = this.#unwrapped(sequence);
    this.#next ??= number;
    if (number < this.#next) {
      // A sender that began anew is far behind.
      if (this.#next - number < MOST) return;
      this.#restart(number);
    } else if (number - this.#next > 4 * MOST) {
      this.#restart(number);
    }
    this.#highest = Math.max(this.#highest, number);
    this.#held.set(number, packet);
    if (!this.#held.has(this.#next)) this.#gapSince ??= now;
  }

  /** The next packet in order, should there be one by now. */
  take(now: Millis): Ordered<Packet> | undefined {
    if (this.#next === undefined || this.#held.size === 0) return undefined;
    let afterLoss = false;
    if (!this.#held.has(this.#next)) {
      const isOver = now - (this.#gapSince ?? now) >= PATIENCE || this.#held.size > MOST;
      if (!isOver) return undefined;
      this.#next = Math.min(...this.#held.keys());
      afterLoss = true;
    }
    const packet = this.#held.get(this.#next);
    if (packet === undefined) return undefined;
    this.#held.delete(this.#next);
    this.#next += 1;
    const isComplete = this.#held.size === 0 || this.#held.has(this.#next);
    this.#gapSince = isComplete ? undefined : now;
    return { packet, afterLoss };
  }

  /** Numbers to ask for at `now`, 16 bits each; none when they were asked for a moment ago. */
  missing(now: Millis): number[] {
    const since = this.#gapSince;
    if (since === undefined || this.#next === undefined) return [];
    if (now - since < OVERTAKING || now - this.#askedAt < ASK_EVERY) return [];
    this.#askedAt = now;
    const numbers: number[] = [];
    for (let number = this.#next; number < this.#highest && numbers.length < 64; number++) {
      if (!this.#held.has(number)) numbers.push(number & 0xffff);
    }
    return numbers;
  }

  #restart(number: number): void {
    this.#held.clear();
    this.#next = number;
    this.#highest = number;
    this.#gapSince = undefined;
  }

  /** The number with its wraps, nearest to the highest one. */
  #unwrapped(sequence: number): number {
    if (this.#next === undefined) return sequence + 0x1_0000;
    const distance = ((sequence - this.#highest + 0x8000) & 0xffff) - 0x8000;
    return this.#highest + distance;
  }
}
