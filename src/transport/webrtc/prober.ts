/**
 * Finds out whether a viewer's network takes more than it is sent: for a tenth of a second twice the target is sent,
 * and whether it arrives as fast says more than any estimate from what media happened to need.
 *
 * Source: the probe clusters of libwebrtc's pacer. Without a clock or packets of its own.
 */

import { as, type Millis } from "../../core/units.ts";
import type { PacketFate } from "./congestion.ts";

/** A stretch of time in which so much is to be sent, media included. */
export interface Probe {
  readonly from: Millis;
  readonly to: Millis;
  /** Bits a second. */
  readonly rate: number;
}

const LENGTH: Millis = as(100);
const FACTOR = 2;
/** The first probe after a step back, and how long it may be until the next after failures. */
const FIRST_WAIT: Millis = as(2_000);
const MOST_WAIT: Millis = as(8_000);
/** Feedback for the newest packets of a probe is this far behind; what did not come by then is lost. */
const VERDICT_AFTER: Millis = as(250);
/** Share of the rate that must arrive, in packets and in speed. */
const PROOF = 0.85;
/** Fewer packets say nothing of speed. */
const FEWEST = 6;

/** Lifetime: one connection. */
export class Prober {
  #current: Probe | undefined;
  #fates: PacketFate[] = [];
  #wait: Millis = FIRST_WAIT;
  #next: Millis | undefined;

  /** The probe to send from now on; undefined while there is reason to wait, or nothing to gain. */
  begin(target: number, most: number, now: Millis): Probe | undefined {
    this.#next ??= as(now + this.#wait);
    if (this.#current !== undefined || now < this.#next || target >= most) return undefined;
    const rate = Math.min(FACTOR * target, most);
    this.#current = { from: now, to: as(now + LENGTH), rate };
    this.#fates = [];
    return this.#current;
  }

  /** Too much was sent: wait before asking for more. */
  backedOff(now: Millis): void {
    this.#current = undefined;
    this.#next = as(now + this.#wait);
  }

  /** Take in what became of packets. @returns the rate that is proven, once that is known. */
  feedback(fates: readonly PacketFate[], now: Millis): number | undefined {
    const probe = this.#current;
    if (probe === undefined) return undefined;
    this.#fates.push(...fates.filter(({ sentAt }) => sentAt >= probe.from && sentAt <= probe.to));
    if (now < probe.to + VERDICT_AFTER) return undefined;
    this.#current = undefined;
    const proven = provenBy(this.#fates, probe.rate);
    this.#wait = proven === undefined ? as(Math.min(MOST_WAIT, 2 * this.#wait)) : FIRST_WAIT;
    // What worked may be doubled soon; what failed waits longer each time.
    this.#next = as(now + (proven === undefined ? this.#wait : LENGTH));
    return proven;
  }
}

/** Bits a second that went through; undefined when packets were lost or slower than they were sent. */
function provenBy(fates: readonly PacketFate[], wanted: number): number | undefined {
  const arrived = fates.filter(({ arrivedAt }) => arrivedAt !== undefined);
  if (arrived.length < Math.max(FEWEST, PROOF * fates.length)) return undefined;
  const sent = rateOf(arrived, ({ sentAt }) => sentAt);
  const received = rateOf(arrived, ({ arrivedAt = 0 }) => arrivedAt);
  return received >= PROOF * Math.min(sent, wanted) ? Math.min(received, wanted) : undefined;
}

/** Bits a second of some packets by one of their times; the first one only starts the clock. */
function rateOf(packets: readonly PacketFate[], timeOf: (packet: PacketFate) => number): number {
  const sorted = packets.toSorted((a, b) => timeOf(a) - timeOf(b));
  const [first] = sorted;
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return 0;
  const bytes = sorted.slice(1).reduce((sum, packet) => sum + packet.bytes, 0);
  return (8000 * bytes) / Math.max(1, timeOf(last) - timeOf(first));
}
