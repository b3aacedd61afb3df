/** NTP time (RFC 5905), which sender reports and header extensions count in. */

import type { Clock } from "../../core/clock.ts";
import { as, type Millis } from "../../core/units.ts";

/** Seconds from 1900, where NTP begins, to 1970. */
const TO_1970 = 2_208_988_800;
/** The wall clock was set, not merely read a little late, when it differs by more than this. */
const STEP: Millis = as(2);

/** Seconds since 1900 of the wall clock, running as evenly as `clock`. */
export class NtpClock {
  readonly #clock: Clock;
  readonly #wall: () => Millis;
  #offset: number;

  /** `wall` tells milliseconds since 1970. */
  constructor(clock: Clock, wall: () => Millis) {
    this.#clock = clock;
    this.#wall = wall;
    this.#offset = wall() - clock.now();
  }

  /** Follow the wall clock, should it have been set. */
  follow(): void {
    const offset = this.#wall() - this.#clock.now();
    if (Math.abs(offset - this.#offset) > STEP) this.#offset = offset;
  }

  /** Seconds since 1900 at `at` of the clock. */
  seconds(at: Millis): number {
    return TO_1970 + (at + this.#offset) / 1000;
  }
}

/** The two 32-bit words of a 64-bit NTP time. */
export function ntpWords(seconds: number): readonly [number, number] {
  const whole = Math.floor(seconds);
  return [whole % 2 ** 32, Math.floor((seconds - whole) * 2 ** 32)];
}

/** The middle 32 bits of an NTP time: units of 1/65536 s (RFC 3550, section 4). */
export const ntpMiddle = (seconds: number): number => Math.floor((seconds % 65_536) * 65_536);

/** The 24 bits of the abs-send-time header extension: units of 1/2^18 s, modulo 64 s. */
export const absSendTime = (seconds: number): number => Math.floor((seconds % 64) * 2 ** 18);
