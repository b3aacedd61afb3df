/**
 * How much a viewer's network can take: a pure function of what its feedback says.
 *
 * Too much is sent when a queue stands on the way (even the fastest packets are later than the fastest ever) or when
 * packets get lost; then the target is put a little below what arrives, or lowered by half of the loss. Otherwise it grows by 8 % a second,
 * but where probes can be sent not far beyond what arrives: more than that must be proven.
 */

import { as, type Millis } from "../../core/units.ts";
import { type Probe, Prober } from "./prober.ts";

/** One packet's fate. */
export interface PacketFate {
  readonly sentAt: Millis;
  readonly bytes: number;
  /** Milliseconds of the receiver's clock; absent when lost. */
  readonly arrivedAt?: number;
}

const MOST_QUEUED: Millis = as(70);
const MOST_LOST = 0.1;
const BACK_OFF = 0.85;
/** A queue that does not go away asks for a little more each time. */
const STILL_TOO_MUCH = 0.97;
const GROWTH_PER_SECOND = 0.08;
/** Growth without proof ends at this many times what arrives. */
const UNPROVEN = 1.25;
/** A viewer is never expected to take less. */
const LEAST = 100_000;
/** Two steps back from a queue are this far apart, so that the first can show. */
const PATIENCE: Millis = as(250);
/** How much of the past counts: for rate and loss, and for the least delay. */
const RECENT: Millis = as(1_000);
const LONG: Millis = as(20_000);
/** The least delay is kept for each of so many parts of `LONG`. */
const PARTS = 10;
/** A queue that stands outlasts this; what a busy machine or a key picture delays is sooner over. */
const STANDING: Millis = as(300);
/** Fewer packets say nothing of loss. */
const FEWEST = 20;

/** Estimates what one viewer can take. Lifetime: one connection. */
export class CongestionController {
  readonly #most: number;
  readonly #prober: Prober | undefined;
  #target: number;
  #recent: PacketFate[] = [];
  #leastDelays: { readonly since: Millis; delay: number }[] = [];
  #grownAt: Millis | undefined;
  #backedOffAt: Millis = as(-Infinity);

  /** `canProbe`: whether packets can be sent that carry nothing new. */
  constructor(options: {
    readonly start: number;
    readonly most: number;
    readonly canProbe?: boolean;
  }) {
    this.#most = Math.max(LEAST, options.most);
    this.#prober = options.canProbe === true ? new Prober() : undefined;
    this.#target = this.#bounded(options.start);
  }

  /** What the viewer can take, bit/s. */
  get target(): number {
    return this.#target;
  }

  /** A stretch in which to send more than there is, to see whether it arrives; undefined for now. */
  probe(now: Millis): Probe | undefined {
    return this.#prober?.begin(this.#target, this.#most, now);
  }

  /** Take in a report of packets, in the order they were sent. */
  feedback(fates: readonly PacketFate[], now: Millis): void {
    const proven = this.#prober?.feedback(fates, now) ?? 0;
    if (proven > this.#target) this.#target = this.#bounded(proven);
    for (const fate of fates) this.#observe(fate, now);
    this.#recent.push(...fates);
    const newest = fates.at(-1);
    if (newest === undefined) return;
    const from = this.#recent.findIndex((fate) => fate.sentAt > newest.sentAt - RECENT);
    this.#recent = this.#recent.slice(Math.max(0, from));
    if (this.#queued > MOST_QUEUED) {
      const to = Math.min(BACK_OFF * this.#received, STILL_TOO_MUCH * this.#target);
      this.#backOff(to, PATIENCE, now);
    } else {
      this.reportedLoss(this.#loss, now);
    }
  }

  /** Take in the share of packets that were lost of late; on its own for viewers without finer feedback. */
  reportedLoss(loss: number, now: Millis): void {
    // Half of what is lost is blamed on the rate, once for each stretch of the past that counts.
    if (loss > MOST_LOST) this.#backOff(this.#target * (1 - loss / 2), RECENT, now);
    else this.#grow(now);
  }

  /** Take in the receiver's own estimate (REMB), bit/s. */
  receiverEstimate(bitrate: number): void {
    this.#target = this.#bounded(BACK_OFF * bitrate);
  }

  #observe(fate: PacketFate, now: Millis): void {
    if (fate.arrivedAt === undefined) return;
    const delay = fate.arrivedAt - fate.sentAt;
    const part = this.#leastDelays.at(-1);
    if (part === undefined || now - part.since > LONG / PARTS) {
      this.#leastDelays = [...this.#leastDelays, { since: now, delay }].slice(-PARTS);
    } else {
      part.delay = Math.min(part.delay, delay);
    }
  }

  /** How long even the fastest of the newest packets wait on the way. */
  get #queued(): number {
    const newest = this.#recent.at(-1)?.sentAt ?? 0;
    let fastest = Infinity;
    for (const { sentAt, arrivedAt } of this.#recent) {
      if (arrivedAt === undefined || newest - sentAt > STANDING) continue;
      fastest = Math.min(fastest, arrivedAt - sentAt);
    }
    if (fastest === Infinity) return 0;
    return fastest - Math.min(...this.#leastDelays.map((part) => part.delay));
  }

  get #loss(): number {
    if (this.#recent.length < FEWEST) return 0;
    return this.#recent.filter((fate) => fate.arrivedAt === undefined).length / this.#recent.length;
  }

  /** Bits a second that arrive. */
  get #received(): number {
    let bytes = 0;
    let first = Infinity;
    let last = -Infinity;
    for (const { arrivedAt, bytes: size } of this.#recent) {
      if (arrivedAt === undefined) continue;
      bytes += size;
      first = Math.min(first, arrivedAt);
      last = Math.max(last, arrivedAt);
    }
    return bytes === 0 ? 0 : (8000 * bytes) / Math.max(RECENT / 4, last - first);
  }

  #grow(now: Millis): void {
    const elapsed = Math.min(RECENT, now - (this.#grownAt ?? now));
    this.#grownAt = now;
    const grown = this.#target * (1 + (GROWTH_PER_SECOND * elapsed) / 1000);
    const most = this.#prober === undefined ? grown : UNPROVEN * this.#received;
    this.#target = this.#bounded(Math.max(this.#target, Math.min(grown, most)));
  }

  #backOff(to: number, patience: Millis, now: Millis): void {
    this.#grownAt = now;
    if (now - this.#backedOffAt < patience) return;
    this.#backedOffAt = now;
    this.#prober?.backedOff(now);
    this.#target = this.#bounded(Math.min(this.#target, to));
  }

  #bounded(bitrate: number): number {
    return Math.min(this.#most, Math.max(LEAST, bitrate));
  }
}
