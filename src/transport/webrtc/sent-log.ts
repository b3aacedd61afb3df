/** When which packet was sent, until the viewer says when it arrived. */

import type { Millis } from "../../core/units.ts";
import type { Arrival } from "./transport-feedback.ts";

/** One packet's fate. */
export interface PacketFate {
  readonly sentAt: Millis;
  readonly bytes: number;
  /** Milliseconds of the receiver's clock; absent when lost. */
  readonly arrivedAt?: number;
}

/** Numbers are 16 bits; feedback is a fraction of a second behind. */
const NUMBERS = 1 << 16;
const KEPT = 4096;

/** Numbers a connection's packets, all its streams together, for transport-wide feedback. */
export class SentLog {
  readonly #entries: ({ readonly sequence: number; sentAt: Millis; bytes: number } | undefined)[] =
    [];
  #next = 1;

  /** The number of the packet that is sent now. */
  number(sentAt: Millis, bytes: number): number {
    const sequence = this.#next;
    this.#next = (sequence + 1) % NUMBERS;
    this.#entries[sequence % KEPT] = { sequence, sentAt, bytes };
    return sequence;
  }

  /** Bytes that were sent after `time` and not reported yet. */
  inFlight(time: Millis): number {
    let bytes = 0;
    for (let back = 1; back < KEPT; back++) {
      const entry = this.#entries[(this.#next + NUMBERS - back) % KEPT];
      if (entry === undefined || entry.sentAt <= time) break;
      bytes += entry.bytes;
    }
    return bytes;
  }

  /** What became of the packets that a message reports; those that are unknown, or told before, are left out. */
  fates(arrivals: readonly Arrival[]): PacketFate[] {
    return arrivals.flatMap(({ sequence, at }) => {
      const entry = this.#entries[sequence % KEPT];
      if (entry?.sequence !== sequence) return [];
      if (at !== undefined) this.#entries[sequence % KEPT] = undefined;
      const { sentAt, bytes } = entry;
      return [{ sentAt, bytes, ...(at !== undefined && { arrivedAt: at }) }];
    });
  }
}
