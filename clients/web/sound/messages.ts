/** What crosses between decoding worker, sound worklet and page. */

import type { Micros } from "../../../src/core/units.ts";

/** Name under which the worklet registers its processor. */
export const SOUND_PROCESSOR = "zoetrope-sound";

/** From the worker to the worklet; `samples` are transferred. */
export interface SoundChunk {
  readonly pts: Micros;
  /** Shapes: one channel at 48 kHz. */
  readonly samples: Float32Array<ArrayBuffer>;
}

/** From the worklet to the page: the sample of media time `pts` is played at `time` of the audio context. */
export interface SoundPosition {
  readonly pts: Micros;
  /** Seconds. */
  readonly time: number;
}
