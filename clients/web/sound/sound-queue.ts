import { as, type Micros } from "../../../src/core/units.ts";

/** Samples a second of what the server sends. */
export const SOUND_RATE = 48_000;

const samplesOf = (ms: number): number => (SOUND_RATE * ms) / 1000;

/** Sound held back, so that packets which come unevenly are heard evenly. */
const TARGET = samplesOf(50);
/** More than this is a burst after a hold-up: jump to the target. */
const MOST = samplesOf(160);
/** Level may stray this far from the target before the speed is trimmed. */
const SLACK = samplesOf(12);
/** How much faster or slower sound may be played to keep its level: nobody hears it. */
const TRIM = 0.004;
/** Share of the way that the measured level moves with each pull. */
const GLIDE = 0.02;
const CAPACITY = samplesOf(1_000);
/** What is left of the last sample in each next one when there is nothing to play: no click. */
const DECAY = 0.97;

/**
 * Decoded sound, in media time, on its way to the loudspeaker: a small buffer that evens out the network, plays
 * silence for what is missing, and follows the server's clock by playing imperceptibly faster or slower.
 *
 * Shapes: one channel at 48 kHz in; whatever rate the caller pulls at, out. Pure.
 */
export class SoundQueue {
  readonly #ring = new Float32Array(CAPACITY);
  /** Samples read for one that is played, at normal speed. */
  readonly #step: number;
  /** Media sample that is played next, and the one after the newest. */
  #position = 0;
  #end = 0;
  #level = TARGET;
  #isPlaying = false;
  #last = 0;

  /** Units: `outputRate` in samples a second. */
  constructor(outputRate: number) {
    this.#step = SOUND_RATE / outputRate;
  }

  /** Take the samples that begin at `pts`. What was played over already is dropped. */
  push(pts: Micros, samples: Float32Array): void {
    const start = Math.round((pts * SOUND_RATE) / 1e6);
    const isElsewhere = start > this.#end + CAPACITY / 2 || start < this.#end - CAPACITY / 2;
    if (this.#end === 0 || isElsewhere) this.#restart(start);
    for (let i = this.#end; i < start; i++) this.#write(i, 0);
    samples.forEach((sample, i) => {
      this.#write(start + i, sample);
    });
    this.#end = Math.max(this.#end, start + samples.length);
  }

  /** Fill `output`; returns the media time of its first sample, undefined while nothing is played. */
  pull(output: Float32Array): Micros | undefined {
    this.#settle();
    if (!this.#isPlaying) {
      this.#fade(output, 0);
      return undefined;
    }
    const from = this.#position;
    const step = this.#step * this.#speed();
    for (let i = 0; i < output.length; i++) {
      if (this.#position + 1 >= this.#end) {
        this.#isPlaying = false;
        this.#fade(output, i);
        break;
      }
      this.#last = this.#read(this.#position);
      output[i] = this.#last;
      this.#position += step;
    }
    return as((from * 1e6) / SOUND_RATE);
  }

  #settle(): void {
    const level = this.#end - this.#position;
    if (!this.#isPlaying && level >= TARGET) {
      this.#isPlaying = true;
      this.#level = TARGET;
      this.#position = this.#end - TARGET;
    } else if (level > MOST) {
      this.#level = TARGET;
      this.#position = this.#end - TARGET;
    } else if (this.#isPlaying) this.#level += (level - this.#level) * GLIDE;
  }

  #speed(): number {
    if (this.#level > TARGET + SLACK) return 1 + TRIM;
    return this.#level < TARGET - SLACK ? 1 - TRIM : 1;
  }

  #restart(start: number): void {
    this.#position = start;
    this.#end = start;
    this.#isPlaying = false;
  }

  #write(at: number, sample: number): void {
    this.#ring[at % CAPACITY] = sample;
  }

  #read(position: number): number {
    const whole = Math.floor(position);
    const a = this.#ring[whole % CAPACITY] ?? 0;
    const b = this.#ring[(whole + 1) % CAPACITY] ?? 0;
    return a + (b - a) * (position - whole);
  }

  #fade(output: Float32Array, from: number): void {
    for (let i = from; i < output.length; i++) {
      this.#last *= DECAY;
      output[i] = this.#last;
    }
  }
}
