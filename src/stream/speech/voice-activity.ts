/** When somebody speaks in a sound that never ends, told by how loud it is. */

/** A stretch in which somebody speaks, or the next part of one that is longer. */
export interface SpokenStretch {
  /** First sample, and the one after the last, counted from the newest block's beginning; negative before it. */
  readonly from: number;
  readonly to: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Loudness is looked at in windows of so many samples: 20 ms at 16 kHz. */
const WINDOW = 320;
/** What is louder counts as speech, −50 dB below full scale. */
const AUDIBLE = 10 ** (-50 / 20);
/** Audible windows in a row with which somebody begins to speak: 60 ms; a click is shorter. */
const BEGINS_WITH = 3;
/** Samples of silence after which somebody is done, 600 ms; a pause inside a sentence is shorter. */
const ENDS_AFTER = 9_600;

/** Whether `samples` are loud enough to be somebody who speaks. Pure. */
export const isAudible = (samples: Float32Array): boolean =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length) > AUDIBLE;

/**
 * Tells where somebody speaks: from the first of several audible windows to the last before a longer silence.
 *
 * The end is known only once that silence is over, so a stretch is told up to its newest audible window, and again as
 * it grows. Sample numbers count from the beginning; memory is constant.
 */
export class VoiceActivity {
  #end = 0;
  /** Audible windows in a row, up to now, and the first sample of them. */
  #run = 0;
  #runBegan = 0;
  /** The sample after the newest audible window. */
  #audibleTo = 0;
  /** What is not told yet of who speaks begins here; undefined while nobody does. */
  #untold: number | undefined;
  #isFirst = false;

  /** Take in the next block. Shapes: float32 [n], mono, 16 kHz. */
  hear(block: Float32Array): SpokenStretch[] {
    const origin = this.#end;
    const stretches: SpokenStretch[] = [];
    for (let at = 0; at < block.length; at += WINDOW) {
      if (this.#look(block.subarray(at, at + WINDOW))) stretches.push(this.#tell(origin, true));
    }
    if (this.#untold !== undefined && this.#audibleTo > this.#untold) {
      stretches.push(this.#tell(origin, false));
    }
    return stretches;
  }

  /** Whoever speaks is taken to begin again. */
  forget(): void {
    this.#run = 0;
    this.#untold = undefined;
    this.#isFirst = false;
  }

  /** Take in one window; returns whether somebody is done with it. */
  #look(window: Float32Array): boolean {
    const began = this.#end;
    this.#end += window.length;
    if (!isAudible(window)) {
      this.#run = 0;
      return this.#untold !== undefined && this.#end - this.#audibleTo >= ENDS_AFTER;
    }
    if (this.#run === 0) this.#runBegan = began;
    this.#run += 1;
    this.#audibleTo = this.#end;
    if (this.#untold === undefined && this.#run >= BEGINS_WITH) {
      this.#untold = this.#runBegan;
      this.#isFirst = true;
    }
    return false;
  }

  #tell(origin: number, isLast: boolean): SpokenStretch {
    const from = (this.#untold ?? this.#end) - origin;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#untold = isLast ? undefined : this.#audibleTo;
    return { from, to: this.#audibleTo - origin, isFirst, isLast };
  }
}
