/** The moving pictures that the WebRTC bench sends: a gradient, a bouncing bar, and noise that costs bits. */

import { drawMarker } from "../../src/media/marker.ts";
import { markedTime } from "./marked-time.ts";

/** What every part of the bench sends. */
export const VIDEO = { width: 640, height: 480, frameRate: 30 } as const;

/** Pictures are made once, and shown again and again. */
const CYCLE = 30;
const NOISE = 12;
const BAR = 48;

/** One cycle of pictures, each [height, width, 3], uint8. Deterministic. */
export function testPictures(): readonly Uint8Array[] {
  const noise = generator(1);
  return Array.from({ length: CYCLE }, (_, i) => picture(i, noise));
}

/** Draws a session's frames, each with the number and the time of day in its marker. */
export class PictureSource {
  readonly #cycle: readonly Uint8Array[];
  readonly #rgb = new Uint8Array(VIDEO.width * VIDEO.height * 3);

  /** `cycle` is of `testPictures`; many sources may share it. */
  constructor(cycle: readonly Uint8Array[]) {
    this.#cycle = cycle;
  }

  /** Frame `frame` as it looks at `now`. Lifetime: until the next call. */
  draw(frame: number, now: number): Uint8Array {
    this.#rgb.set(this.#cycle[frame % CYCLE] ?? this.#rgb);
    drawMarker(this.#rgb, VIDEO, { frame, epoch: markedTime(now) });
    return this.#rgb;
  }
}

function picture(index: number, noise: () => number): Uint8Array {
  const { width, height } = VIDEO;
  const rgb = new Uint8Array(width * height * 3);
  const phase = (2 * Math.PI * index) / CYCLE;
  const left = Math.round((width - BAR) * (0.5 + 0.5 * Math.sin(phase)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const inBar = x >= left && x < left + BAR ? 70 : 0;
      const grain = (noise() - 0.5) * 2 * NOISE;
      rgb[at] = 60 + inBar + (x * 90) / width + 20 * Math.sin(phase + y / 40) + grain;
      rgb[at + 1] = 60 + inBar + (y * 90) / height + grain;
      rgb[at + 2] = 110 - inBar / 2 + 40 * Math.cos(phase + x / 60) + grain;
    }
  }
  return rgb;
}

/** Numbers in [0, 1) (xorshift32, Marsaglia 2003). */
export function generator(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
