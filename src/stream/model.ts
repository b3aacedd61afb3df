import type { Control } from "../core/controls.ts";
import type { ModelCache } from "../models/model.ts";
import type { SpeechShape } from "../models/speech.ts";

/** What a session must know of the model it runs; the server reads it from the package. */
export interface SessionModel {
  readonly controls: readonly Control[];
  readonly frameRate: number;
  readonly framesPerBlock: number;
  readonly steps: { readonly default: number; readonly choices: readonly number[] };
  /** What sessions may choose of their caches, and what they begin with. */
  readonly cache: ModelCache;
  readonly starts: readonly string[];
  /** What it hears; absent where it hears nothing. */
  readonly speech?: SpeechShape;
}
