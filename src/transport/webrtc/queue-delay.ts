/**
 * How long packets wait on the way, by what their feedback says: how much later than the fastest ever even the fastest
 * of the newest arrive.
 *
 * Clocks of sender and receiver need not agree. Without a clock of its own.
 */

import { as, type Millis } from "../../core/units.ts";
import type { PacketFate } from "./sent-log.ts";

/** The least delay is kept for each of `PARTS` parts of the past. */
const PAST: Millis = as(20_000);
const PARTS = 10;
/** A queue that stands outlasts this; what a busy machine or a key picture delays is sooner over. */
const STANDING: Millis = as(300);
/** A queue that builds up makes even the fastest of each stretch later than those of the one before it. */
const STRETCH: Millis = as(34);
const STRETCHES = 3;
/** By at least this much each time. */
const RISE = 4;

/** Lifetime: one connection. */
export class QueueDelay {
  #least: { readonly since: Millis; delay: number }[] = [];
  #standing: Millis = as(0);
  #rising: Millis = as(0);

  /** What every packet of the last 300 ms had to wait at least. */
  get standing(): Millis {
    return this.#standing;
  }

  /** What the newest packets waited, while every stretch of 34 ms waits longer than the last; 0 when none builds up. */
  get rising(): Millis {
    return this.#rising;
  }

  /** Take in a report at `now`; `recent` holds its packets and those before, in the order they were sent. */
  observe(fates: readonly PacketFate[], recent: readonly PacketFate[], now: Millis): void {
    for (const fate of fates) this.#remember(fate, now);
    const newest = recent.at(-1)?.sentAt ?? now;
    const least = Math.min(...this.#least.map((part) => part.delay));
    const fastest = Array.from({ length: Math.ceil(STANDING / STRETCH) }, () => Infinity);
    for (const { sentAt, arrivedAt } of recent) {
      const stretch = Math.max(0, Math.floor((newest - sentAt) / STRETCH));
      const known = fastest[stretch];
      if (arrivedAt === undefined || known === undefined) continue;
      fastest[stretch] = Math.min(known, arrivedAt - sentAt - least);
    }
    const standing = Math.min(...fastest);
    this.#standing = as(standing === Infinity ? 0 : standing);
    this.#rising = as(builtUp(fastest.slice(0, STRETCHES)));
  }

  /** Forget the fastest: what all packets wait now is the way's length, or others' queue. */
  forget(): void {
    this.#least = [];
  }

  #remember({ sentAt, arrivedAt }: PacketFate, now: Millis): void {
    if (arrivedAt === undefined) return;
    const delay = arrivedAt - sentAt;
    const part = this.#least.at(-1);
    if (part === undefined || now - part.since > PAST / PARTS) {
      this.#least = [...this.#least, { since: now, delay }].slice(-PARTS);
    } else {
      part.delay = Math.min(part.delay, delay);
    }
  }
}

/** The newest of waits, newest first, that grew all the time; else 0. */
function builtUp(waits: readonly number[]): number {
  const grew = waits.every((wait, i) => i === 0 || (waits[i - 1] ?? 0) >= wait + RISE);
  const [newest = 0] = waits;
  return grew && newest < Infinity ? newest : 0;
}
