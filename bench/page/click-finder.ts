/** Finds the clicks of src/media/sound/test-signal.ts in a sound as it is heard. */

/** Half of a click's amplitude; the tone under it is far below. */
const THRESHOLD = 0.35;
/** Clicks are a second apart. */
const DEAF_MS = 500;
/** Pieces of sound whose arrival says how the sound's own clock lies to the page's. */
const REMEMBERED = 100;

/**
 * Sound comes in pieces that a scheduler delivers early or late, while it is heard evenly. The median over the
 * newest pieces of "arrival minus position" is the time at which the sound began.
 */
export class ClickFinder {
  readonly clicks: number[] = [];
  readonly #origins: number[] = [];
  #samples = 0;

  /** Take a piece of sound, [samples], that was handed to the loudspeaker at `now`, milliseconds since 1970. */
  take(pcm: Float32Array, sampleRate: number, now: number): void {
    const perMs = sampleRate / 1000;
    this.#origins.push(now - this.#samples / perMs);
    if (this.#origins.length > REMEMBERED) this.#origins.shift();
    const onset = pcm.findIndex((value) => Math.abs(value) > THRESHOLD);
    if (onset >= 0) {
      const at = this.#origin() + (this.#samples + onset) / perMs;
      if (at - (this.clicks.at(-1) ?? 0) > DEAF_MS) this.clicks.push(at);
    }
    this.#samples += pcm.length;
  }

  #origin(): number {
    const sorted = this.#origins.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }
}
