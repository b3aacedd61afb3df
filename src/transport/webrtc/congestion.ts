/**
 * How much a viewer's network can take: a pure function of what its feedback says.
 *
 * Too much is sent when a queue stands on the way or builds up, or when packets get lost; then the target is put a
 * little below what arrives, or lowered by half of the loss, and pictures wait until the queue is gone: a player keeps
 * sound back for long after a second in which it came late, and pictures with it. Otherwise the target grows by 8 % a
 * second, but where probes can be sent not far beyond what arrives: more than that must be proven.
 */

import { as, type Millis } from "../../core/units.ts";
import { type Probe, Prober } from "./prober.ts";
import { QueueDelay } from "./queue-delay.ts";
import type { PacketFate } from "./sent-log.ts";

/** What packets may wait on the way. */
const MOST_QUEUED: Millis = as(70);
/** Pictures are held back no longer than this, however long the queue. */
const MOST_HELD: Millis = as(600);
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
/** How much of the past counts for rate and loss. */
const RECENT: Millis = as(1_000);
/** How much of it counts for the rate at which a queue empties. */
const NEWEST: Millis = as(120);
/** A queue of which this share is still there after pictures were held back for it was not made by them. */
const LEFT = 0.75;
/** So often in a row it is tried. */
const TRIES = 2;
/** Fewer packets say nothing of loss. */
const FEWEST = 20;

/** Estimates what one viewer can take. Lifetime: one connection. */
export class CongestionController {
  readonly #most: number;
  readonly #prober: Prober | undefined;
  readonly #queue = new QueueDelay();
  #target: number;
  #recent: PacketFate[] = [];
  #grownAt: Millis | undefined;
  #isNarrow = false;
  #backOffFrom: Millis = as(-Infinity);
  /** The queue that pictures were last held back for, for which time in a row, and until when it should show. */
  #drained = { queue: 0, tries: 0, until: -Infinity };

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

  /** Whether the network was found too small, and not to be larger since. */
  get isNarrow(): boolean {
    return this.#isNarrow;
  }

  /** A stretch in which to send more than there is, to see whether it arrives; undefined for now. */
  probe(now: Millis): Probe | undefined {
    return this.#prober?.begin(this.#target, this.#most, now);
  }

  /**
   * Take in a report of packets, in the order they were sent; `inFlight` bytes were sent after the newest of them.
   *
   * @returns how long to send no pictures, so that what is queued on the way can leave; 0 almost always.
   */
  feedback(fates: readonly PacketFate[], now: Millis, inFlight = 0): Millis {
    const proven = this.#prober?.feedback(fates, now) ?? 0;
    if (proven > this.#target) {
      this.#target = this.#bounded(proven);
      this.#isNarrow = false;
    }
    this.#recent.push(...fates);
    const newest = fates.at(-1);
    if (newest === undefined) return as(0);
    const from = this.#recent.findIndex((fate) => fate.sentAt > newest.sentAt - RECENT);
    this.#recent = this.#recent.slice(Math.max(0, from));
    this.#queue.observe(fates, this.#recent, now);
    const queued = Math.max(this.#queue.standing, this.#queue.rising);
    if (queued > MOST_QUEUED) return this.#drain(queued, now, inFlight);
    this.reportedLoss(this.#loss, now);
    return as(0);
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

  #drain(queued: number, now: Millis, inFlight: number): Millis {
    if (now < this.#backOffFrom) return as(0);
    const isVain = queued > LEFT * this.#drained.queue && now < this.#drained.until;
    const tries = isVain ? this.#drained.tries + 1 : 0;
    if (tries > TRIES) {
      this.#queue.forget();
      return as(0);
    }
    const capacity = Math.max(1, this.#received(NEWEST));
    const held: Millis = as(Math.min(MOST_HELD, Math.max(queued, (8000 * inFlight) / capacity)));
    // What is held back now shows in the feedback only when it is over.
    const patience: Millis = as(PATIENCE + held);
    this.#isNarrow = true;
    this.#drained = { queue: queued, tries, until: now + 2 * patience };
    this.#backOff(Math.min(BACK_OFF * capacity, STILL_TOO_MUCH * this.#target), patience, now);
    return held;
  }

  get #loss(): number {
    if (this.#recent.length < FEWEST) return 0;
    return this.#recent.filter((fate) => fate.arrivedAt === undefined).length / this.#recent.length;
  }

  /** Bits a second that arrive, over the last `stretch`. */
  #received(stretch: Millis): number {
    const arrivals = this.#recent.filter(hasArrived);
    const last = Math.max(...arrivals.map(({ arrivedAt }) => arrivedAt));
    const counted = arrivals.filter(({ arrivedAt }) => arrivedAt > last - stretch);
    const first = Math.min(...counted.map(({ arrivedAt }) => arrivedAt));
    const bytes = counted.reduce((sum, packet) => sum + packet.bytes, 0);
    return bytes === 0 ? 0 : (8000 * bytes) / Math.max(stretch / 2, last - first);
  }

  #grow(now: Millis): void {
    const elapsed = Math.min(RECENT, now - (this.#grownAt ?? now));
    this.#grownAt = now;
    const grown = this.#target * (1 + (GROWTH_PER_SECOND * elapsed) / 1000);
    const most = this.#prober === undefined ? grown : UNPROVEN * this.#received(RECENT);
    this.#target = this.#bounded(Math.max(this.#target, Math.min(grown, most)));
    if (this.#target === this.#most) this.#isNarrow = false;
  }

  #backOff(to: number, patience: Millis, now: Millis): void {
    this.#grownAt = now;
    if (now < this.#backOffFrom) return;
    this.#backOffFrom = as(now + patience);
    this.#prober?.backedOff(now);
    this.#target = this.#bounded(Math.min(this.#target, to));
  }

  #bounded(bitrate: number): number {
    return Math.min(this.#most, Math.max(LEAST, bitrate));
  }
}

const hasArrived = (fate: PacketFate): fate is PacketFate & { readonly arrivedAt: number } =>
  fate.arrivedAt !== undefined;
