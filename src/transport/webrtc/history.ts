/** Packets that were sent a moment ago, for viewers that missed them. */

import { as, type Millis } from "../../core/units.ts";

/** Most packets kept; at 20 Mbit/s they make more than a second. */
const PACKETS = 4096;
/** Older ones are of no use to anyone. */
const OLDEST: Millis = as(2_000);
/** A packet is sent again at most this often, and no more than once a round trip. */
const AGAIN: Millis = as(20);

interface Entry<Packet> {
  readonly sequence: number;
  readonly packet: Packet;
  readonly sentAt: Millis;
  againAt: Millis;
}

/** Sent packets by their sequence numbers. Lifetime: one stream. */
export class SentHistory<Packet> {
  readonly #entries: (Entry<Packet> | undefined)[] = new Array<undefined>(PACKETS).fill(undefined);
  #oldest: number | undefined;
  #newest = 0;
  #key: number | undefined;

  /** Keep a packet. Sequence numbers ascend by one, modulo 65536. */
  keep(sequence: number, packet: Packet, now: Millis): void {
    this.#entries[sequence % PACKETS] = { sequence, packet, sentAt: now, againAt: as(-Infinity) };
    this.#newest = sequence;
    this.#oldest ??= sequence;
    // Numbers come round again.
    if (this.#key !== undefined && ((sequence - this.#key) & 0xffff) > PACKETS)
      this.#key = undefined;
    if (((sequence - this.#oldest) & 0xffff) >= PACKETS) this.#oldest = (this.#oldest + 1) & 0xffff;
    this.#expire(now);
  }

  /** Packet `sequence` begins a key picture: whoever gets that needs nothing from before. */
  beginKey(sequence: number): void {
    this.#key = sequence;
  }

  /**
   * The packet to send again, `"needless"` when that has just been done or is not worth it, or undefined when it
   * is gone.
   *
   * A number that was never given counts as gone.
   */
  again(sequence: number, now: Millis, roundTrip: Millis = as(0)): Packet | "needless" | undefined {
    if (this.#key !== undefined && isBefore(sequence, this.#key)) return "needless";
    const entry = this.#entries[sequence % PACKETS];
    if (entry?.sequence !== sequence || now - entry.sentAt > OLDEST) return undefined;
    if (now - entry.againAt < Math.max(AGAIN, roundTrip)) return "needless";
    entry.againAt = now;
    return entry.packet;
  }

  /** The newest packet; undefined before there is one. */
  get newest(): Packet | undefined {
    return this.#entries[this.#newest % PACKETS]?.packet;
  }

  #expire(now: Millis): void {
    while (this.#oldest !== undefined && this.#oldest !== this.#newest) {
      const entry = this.#entries[this.#oldest % PACKETS];
      if (entry === undefined || now - entry.sentAt <= OLDEST) return;
      this.#entries[this.#oldest % PACKETS] = undefined;
      this.#oldest = (this.#oldest + 1) & 0xffff;
    }
  }
}

const isBefore = (a: number, b: number): boolean => ((a - b) & 0xffff) >= 0x8000;
