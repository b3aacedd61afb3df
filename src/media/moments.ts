/** A stream's packets on the clock of one file: from its first key packet on, with sound without holes. */

import { as, type Micros } from "../core/units.ts";
import type { EncodedPicture } from "./encoder.ts";

/** One Opus packet: mono, 48 kHz. */
export interface TimedSound {
  readonly pts: Micros;
  readonly duration: Micros;
  readonly data: Uint8Array;
}

/** One picture of one rendition, and the sound that begins while it is shown. */
export interface TimedPicture {
  readonly pts: Micros;
  readonly duration: Micros;
  /** Absent where the rendition has none. */
  readonly packet: EncodedPicture | undefined;
  readonly sound: readonly TimedSound[];
}

/** A picture as a file holds it, and the sound that goes before it in the file. */
export interface Moment extends EncodedPicture {
  readonly pts: Micros;
  readonly duration: Micros;
  readonly sound: readonly TimedSound[];
}

/** Sound packets of every file are this long. */
const SOUND_DURATION: Micros = as(20_000);
/** An Opus packet (RFC 6716) of 20 ms of silence: CELT only, full band, mono, one frame that says "silent". */
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/**
 * Puts the pictures of a stream on a file's clock, which stands at 0 at the first key packet.
 *
 * A stream is silent or sounds, and may change at any time; a file has one sound lane from beginning to end,
 * so what is silent is filled with packets of silence. Pure; pictures come in time order.
 */
export class Moments {
  #origin: Micros | undefined;
  #end: Micros = as(0);
  #soundEnd: Micros = as(0);
  #isBroken = true;

  /** The moment that `picture` is; undefined while what goes before it is missing. */
  next({ pts, duration, packet, sound }: TimedPicture): Moment | undefined {
    if (packet === undefined || (this.#isBroken && !packet.key)) {
      this.#isBroken = true;
      return undefined;
    }
    this.#isBroken = false;
    this.#origin ??= pts;
    const start = this.#onClock(pts);
    const filled = this.#silenceUntil(start);
    this.#end = as(start + duration);
    return {
      pts: start,
      duration,
      data: packet.data,
      key: packet.key,
      sound: [...filled, ...this.#heard(sound)],
    };
  }

  /** The silence that is missing at the end. */
  finish(): readonly TimedSound[] {
    return this.#silenceUntil(this.#end);
  }

  #onClock(pts: Micros): Micros {
    return as(pts - (this.#origin ?? pts));
  }

  /** Packets from before the first picture, or that overlap what is there, have no place. */
  #heard(sound: readonly TimedSound[]): TimedSound[] {
    const heard: TimedSound[] = [];
    for (const { data, duration, pts } of sound) {
      const start = this.#onClock(pts);
      if (start < this.#soundEnd) continue;
      heard.push(...this.#silenceUntil(start), { pts: start, duration, data });
      this.#soundEnd = as(start + duration);
    }
    return heard;
  }

  #silenceUntil(end: Micros): TimedSound[] {
    const silence: TimedSound[] = [];
    while (this.#soundEnd + SOUND_DURATION <= end) {
      silence.push({ pts: this.#soundEnd, duration: SOUND_DURATION, data: SILENCE });
      this.#soundEnd = as(this.#soundEnd + SOUND_DURATION);
    }
    return silence;
  }
}
