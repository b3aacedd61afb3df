import { as, type Millis, microsToMillis } from "../../../src/core/units.ts";
import type { SoundPosition } from "./messages.ts";

/** Positions older than this say nothing of the present: the sound stopped. */
const STALE: Millis = as(400);

/** What a context says of its output: which second of it is heard when. */
export interface OutputTime {
  /** Seconds of the context. */
  readonly contextTime: number;
  /** On the clock of `performance.now()`. */
  readonly performanceTime: number;
}

/**
 * When sound of a media time is heard, as an offset that pictures can follow. Pure: times are arguments.
 */
export class SoundClock {
  #offset: Millis | undefined;
  #toldAt: Millis = as(0);

  /** The worklet told where it is. */
  tell({ pts, time }: SoundPosition, output: OutputTime, now: Millis): void {
    const heardAt = output.performanceTime + (time - output.contextTime) * 1000;
    this.#offset = as(heardAt - microsToMillis(pts));
    this.#toldAt = now;
  }

  /** `performance.now()` minus media time of what is heard; undefined while nothing sounds. */
  offset(now: Millis): Millis | undefined {
    return now - this.#toldAt > STALE ? undefined : this.#offset;
  }
}

/** The output time of `context`, also where the browser does not tell it. */
export function outputTimeOf(context: AudioContext, now: Millis): OutputTime {
  const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
  if (contextTime > 0 && performanceTime > 0) return { contextTime, performanceTime };
  return {
    contextTime: context.currentTime,
    performanceTime: now + context.outputLatency * 1000,
  };
}
