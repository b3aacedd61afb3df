import { Resampler } from "../../media/codecs/resample.ts";
import type { Line, Synthesise } from "../../media/synthesiser.ts";
import type { Session } from "../../stream/session.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";
import type { SpeechSource } from "../../stream/speech/utterance.ts";
import { AppendedStream, type BroughtSound } from "./appended-stream.ts";

/**
 * What clients bring to be said, on its way to a session's speech lane: texts are synthesised, and every sound gets the
 * lane's rate.
 *
 * Lifetime: its session's.
 */
export class SpeechIntake {
  readonly #session: Session;
  readonly #synthesise: Synthesise;
  #appending: AppendedStream | undefined;

  constructor(session: Session, synthesise: Synthesise) {
    this.#session = session;
    this.#synthesise = synthesise;
    const end = () => this.#close();
    // Failures come as the session's event `failed`; its end follows.
    session.events$.subscribe({ complete: end, error: end });
  }

  /** Say a text after all that waits. @throws {StreamError} `unsupported_input`, `speech_overflow`. */
  say(line: Line, eventId?: string): void {
    const { speech } = this.#session;
    this.#finish();
    speech.say(spoken(this.#synthesise, line), eventId);
  }

  /**
   * More of the sound that is being appended.
   *
   * @throws {StreamError} `unsupported_input`, `speech_overflow`, `bad_parameter` when it is broken, or of another format or
   *   rate than before; nothing of it is taken then.
   */
  append(sound: BroughtSound, eventId?: string): void {
    const { speech } = this.#session;
    speech.requireRoom();
    const stream = this.#appending ?? new AppendedStream(sound);
    try {
      speech.append(stream.take(sound), eventId);
    } catch (cause) {
      // A sound that never began has no format to keep to.
      if (this.#appending === undefined) stream.close();
      throw cause;
    }
    this.#appending = stream;
  }

  /** The sound that is being appended is whole. @throws {StreamError} `unsupported_input`. */
  commit(): void {
    const { speech } = this.#session;
    this.#finish();
    speech.commit();
  }

  /** Forget the sound that is being appended. @throws {StreamError} `unsupported_input`. */
  forgetAppended(): void {
    this.#session.speech.forgetAppended();
    this.#close();
  }

  /** Forget all that waits to be heard. @throws {StreamError} `unsupported_input`. */
  clear(eventId?: string): void {
    this.#session.speech.clear(eventId);
    this.#close();
  }

  /** Let out what the resampler held back. */
  #finish(): void {
    const rest = this.#appending?.finish();
    this.#close();
    if (rest !== undefined && rest.length > 0) this.#session.speech.append(rest);
  }

  #close(): void {
    this.#appending?.close();
    this.#appending = undefined;
  }
}

/** `line`, said by `synthesise` at the lane's rate. */
const spoken = (synthesise: Synthesise, line: Line): SpeechSource =>
  async function* (signal) {
    for await (const { samples, rate } of synthesise(line, signal)) {
      const resampler = new Resampler(rate, SPEECH_RATE);
      try {
        yield resampler.resample(samples);
        yield resampler.finish();
      } finally {
        resampler.close();
      }
    }
  };
