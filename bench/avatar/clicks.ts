/** A sound of clicks to time with: the shape of those of src/media/sound/test-signal.ts. */

const RATE = 16_000;
const CLICK = 32;
const AMPLITUDE = 0.9;
/** Not a whole number of frames, so that clicks fall anywhere in them. */
const EVERY = 16_000 + 123;

/** Clicks for `seconds`. */
export function clicks(seconds: number): { readonly pcm: Int16Array; readonly at: number[] } {
  const pcm = new Int16Array(seconds * RATE);
  const at: number[] = [];
  for (let first = RATE / 2; first + CLICK < pcm.length; first += EVERY) {
    at.push(first);
    pcm.fill(Math.round(AMPLITUDE * 32_767), first, first + CLICK);
  }
  return { pcm, at };
}
