/** What a receiver knows of a stream, for its reports (RFC 3550, sections 6.4.1 and A.8). */

import type { Millis } from "../../core/units.ts";
import { type NtpClock, ntpMiddle } from "./ntp.ts";
import type { Reception } from "./rtcp.ts";

/** Counts one stream's packets. */
export class ReceptionStatistics {
  readonly #ssrc: number;
  readonly #rate: number;
  #first: number | undefined;
  #received = 0;
  #before = { expected: 0, received: 0 };
  #transit: number | undefined;
  #jitter = 0;
  #report = { ntpMiddle: 0, at: 0 };

  /** `rate` in ticks of RTP time a second. */
  constructor(ssrc: number, rate: number) {
    this.#ssrc = ssrc;
    this.#rate = rate;
  }

  /** Count a packet; `highest` is the stream's highest number so far. */
  packet(rtpTime: number, highest: number, now: Millis): void {
    this.#first ??= highest;
    this.#received += 1;
    const transit = (now * this.#rate) / 1000 - rtpTime;
    const difference = Math.abs(transit - (this.#transit ?? transit));
    this.#transit = transit;
    // A jump of RTP time is no jitter.
    if (difference < this.#rate) this.#jitter += (difference - this.#jitter) / 16;
  }

  /** Note a sender report. */
  sender(middle: number, ntp: NtpClock, now: Millis): void {
    this.#report = { ntpMiddle: middle, at: ntp.seconds(now) };
  }

  /** What to report since the report before. */
  reception(highest: number, ntp: NtpClock, now: Millis): Reception {
    const expected = highest - (this.#first ?? highest) + 1;
    const expectedSince = expected - this.#before.expected;
    const lostSince = expectedSince - (this.#received - this.#before.received);
    this.#before = { expected, received: this.#received };
    const hasReport = this.#report.ntpMiddle !== 0;
    return {
      ssrc: this.#ssrc,
      loss: expectedSince > 0 ? Math.max(0, lostSince) / expectedSince : 0,
      lost: expected - this.#received,
      highest,
      jitter: this.#jitter,
      lastReport: this.#report.ntpMiddle,
      sinceReport: hasReport ? ntpMiddle(ntp.seconds(now) - this.#report.at) : 0,
    };
  }
}
