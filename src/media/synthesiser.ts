/** The role of a synthesiser: text in, speech out. */

/** A part of a sound: mono, in [-1, 1]. */
export interface Sound {
  readonly samples: Float32Array;
  /** Samples a second. */
  readonly rate: number;
}

/** What is to be said. */
export interface Line {
  readonly text: string;
  /** A voice of the synthesiser's; its own choice when absent. */
  readonly voice?: string | undefined;
}

/**
 * Says `line`, part by part, as fast as its reader takes the parts; ends when `signal` aborts.
 *
 * @throws {StreamError} `speech_unavailable` when there is no synthesiser on this machine, `speech_failed`.
 */
export type Synthesise = (line: Line, signal: AbortSignal) => AsyncIterable<Sound>;
