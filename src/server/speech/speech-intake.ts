import { StreamError } from "../../core/errors.ts";
import { Resampler } from "../../media/codecs/resample.ts";
import type { Line, Synthesise } from "../../media/synthesiser.ts";
import type { Session } from "../../stream/session.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";
import type { SpeechSource } from "../../stream/speech/utterance.ts";

/** The sound that is being appended. */
interface Appending {
  readonly rate: number;
  readonly resampler: Resampler;
}

/**
 * What clients bring to be said, on its way to a session's speech lane: texts are synthesised, and every sound gets the
 * lane's rate.
 *
 * Lifetime: its session's.
 */
export class SpeechIntake {
  readonly #session: Session;
  readonly #synthesise: Synthesise;
  #appending: Appending | undefined;

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
   * More of the sound that is being appended, `rate` samples a second.
   *
   * @throws {StreamError} `unsupported_input`, `speech_overflow`, `bad_parameter` when its rate is another one than before.
   */
  append(samples: Float32Array, rate: number, eventId?: string): void {
    const { speech } = this.#session;
    speech.requireRoom();
    const { resampler } = this.#appendingAt(rate);
    speech.append(resampler.resample(samples), eventId);
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

  #appendingAt(rate: number): Appending {
    this.#appending ??= { rate, resampler: new Resampler(rate, SPEECH_RATE) };
    if (this.#appending.rate === rate) return this.#appending;
    throw new StreamError(
      "bad_parameter",
      `input_audio.append: sample_rate: the sound so far has ${this.#appending.rate}; commit it first`,
      { detail: { path: "sample_rate" } },
    );
  }

  /** Let out what the resampler held back. */
  #finish(): void {
    const rest = this.#appending?.resampler.finish();
    this.#close();
    if (rest !== undefined && rest.length > 0) this.#session.speech.append(rest);
  }

  #close(): void {
    this.#appending?.resampler.close();
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
