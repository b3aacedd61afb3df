import type { Control } from "../core/controls.ts";

/** What a session must know of the model it runs; the server reads it from the package. */
export interface SessionModel {
  readonly controls: readonly Control[];
  readonly frameRate: number;
  readonly framesPerBlock: number;
  readonly steps: { readonly default: number; readonly choices: readonly number[] };
  /** The most the package was built for; also the defaults. */
  readonly cache: { readonly windowFrames: number; readonly sinkFrames: number };
  readonly starts: readonly string[];
}
