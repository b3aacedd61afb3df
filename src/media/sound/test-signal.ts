/**
 * A sound to measure with: a quiet tone, and a click at the first instant of every second's first frame.
 *
 * A click begins with the frame whose number is a multiple of the frame rate, so that a picture's marker
 * (src/core/marker.ts) and a microphone at the loudspeaker tell how far apart sight and sound are.
 */

import { frameTime } from "../../core/units.ts";

/** Samples a second of everything that is heard. */
export const SAMPLE_RATE = 48_000;

const TONE = { hertz: 440, amplitude: 0.04 } as const;
const CLICK = { hertz: 2_000, amplitude: 0.8, samples: SAMPLE_RATE / 100 } as const;

/**
 * Samples `first` to `first + count - 1` of the signal.
 *
 * Shapes: returns float32 [count], mono, in [-1, 1]. A pure function: any part can be made at any time.
 */
export function testSignal(first: number, count: number, frameRate: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => sampleAt(first + i, frameRate));
}

function sampleAt(sample: number, frameRate: number): number {
  const tone = TONE.amplitude * wave(TONE.hertz, sample);
  const sinceClick = sample - clickBefore(sample, frameRate);
  return sinceClick < CLICK.samples ? tone + CLICK.amplitude * wave(CLICK.hertz, sinceClick) : tone;
}

const wave = (hertz: number, sample: number): number =>
  Math.sin((2 * Math.PI * hertz * (sample % SAMPLE_RATE)) / SAMPLE_RATE);

/** The sample at which the newest click not after `sample` begins. */
function clickBefore(sample: number, frameRate: number): number {
  const spacing = Math.round(frameRate);
  const beat = Math.floor(((sample + 1) / SAMPLE_RATE) * (frameRate / spacing));
  const start = clickStart(beat * spacing, frameRate);
  return start <= sample ? start : clickStart((beat - 1) * spacing, frameRate);
}

const clickStart = (frame: number, frameRate: number): number =>
  Math.round((frameTime(frame, frameRate) * SAMPLE_RATE) / 1e6);
