import type { Millis } from "../../src/core/units.ts";
import { RollingQuantiles } from "./quantiles.ts";

/** Inputs whose picture has not been seen; more than this means they never will be. */
const MAX_PENDING = 256;
/** Samples kept for the quantiles. */
const KEPT = 200;

interface Pending {
  readonly sentAt: Millis;
  epoch: number | undefined;
}

/**
 * Input to picture: the time from sending a control to drawing the first frame whose epoch is at least
 * the one the server gave that control.
 */
export class InputLatency {
  readonly #pending = new Map<string, Pending>();
  readonly samples = new RollingQuantiles(KEPT);

  /** An input left this client. */
  sent(eventId: string, at: Millis): void {
    if (this.#pending.size >= MAX_PENDING) this.#pending.clear();
    this.#pending.set(eventId, { sentAt: at, epoch: undefined });
  }

  /** The server folded the input into `epoch`. */
  accepted(eventId: string, epoch: number): void {
    const pending = this.#pending.get(eventId);
    if (pending !== undefined) pending.epoch = epoch;
  }

  /** The server refused the input: no picture will show it. */
  refused(eventId: string): void {
    this.#pending.delete(eventId);
  }

  /** A frame showing `epoch` was drawn; returns the latency of the oldest input it is the first to show. */
  drawn(epoch: number, at: Millis): Millis | undefined {
    let oldest: Millis | undefined;
    for (const [eventId, pending] of this.#pending) {
      if (pending.epoch === undefined || pending.epoch > epoch) continue;
      this.#pending.delete(eventId);
      const latency = (at - pending.sentAt) as Millis;
      this.samples.push(latency);
      oldest ??= latency;
    }
    return oldest;
  }

  /** Forget what is pending: its pictures were lost with the connection. */
  clear(): void {
    this.#pending.clear();
  }
}
