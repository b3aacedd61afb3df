/** One thing that is said in a session, from its first sample to its last. */

/** What is told of an utterance. */
export interface Utterance {
  /** Unique within the session. */
  readonly id: string;
  readonly source: "audio" | "text" | "microphone";
  /** Id of the message that began it, where one did. */
  readonly eventId?: string;
}

/**
 * Brings an utterance's samples, mono, in [-1, 1], at the lane's rate, as fast as they are taken; ends when `signal`
 * aborts.
 *
 * @throws {StreamError} why it cannot be said to its end.
 */
export type SpeechSource = (signal: AbortSignal) => AsyncIterable<Float32Array>;
