import { LiveReader, type LiveSound } from "./live-sound.ts";
import type { Span } from "./speech-queue.ts";
import { isAudible, type SpokenStretch, VoiceActivity } from "./voice-activity.ts";

/** What a microphone brought in one block. */
export interface MicrophoneBlock {
  /** Whether it is loud enough to be somebody who speaks. */
  readonly isAudible: boolean;
  /** Where somebody speaks. */
  readonly spans: readonly Span[];
}

/** Hears a live sound block by block, and makes an utterance of each time that somebody speaks into it. */
export class Microphone {
  readonly #begin: () => string;
  readonly #activity = new VoiceActivity();
  #reader: LiveReader | undefined;
  #utterance: string | undefined;

  /** `begin`: somebody begins to speak; returns the id of what is said. */
  constructor(begin: () => string) {
    this.#begin = begin;
  }

  /** Hear another sound from now on, or none. */
  listen(sound: LiveSound | undefined): void {
    this.#reader = sound && new LiveReader(sound);
  }

  /** Fill `block` with what came in; where too little did it is left as it is, silent. */
  take(block: Float32Array): MicrophoneBlock {
    this.#reader?.take(block);
    const spans = this.#activity.hear(block).map((stretch) => this.#spanOf(stretch));
    return { isAudible: isAudible(block), spans };
  }

  /** Hear nothing in this block, and go on at the newest part; returns the utterance that was cut short by that. */
  skip(): string | undefined {
    this.#reader?.skip();
    return this.forget();
  }

  /** Whoever speaks is taken to begin again; returns the utterance that was being said. */
  forget(): string | undefined {
    const utterance = this.#utterance;
    this.#utterance = undefined;
    this.#activity.forget();
    return utterance;
  }

  #spanOf(stretch: SpokenStretch): Span {
    const utterance = this.#utterance ?? this.#begin();
    this.#utterance = stretch.isLast ? undefined : utterance;
    return { ...stretch, utterance };
  }
}
