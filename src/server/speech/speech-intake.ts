import { Resampler } from "../../media/codecs/resample.ts";
import type { Line, Synthesise } from "../../media/synthesiser.ts";
import type { AppendedSound } from "../../protocol/speech.ts";
import type { Session } from "../../stream/session.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";
import type { SpeechSource } from "../../stream/speech/utterance.ts";
import { AppendedSoundReader } from "./appended-sound.ts";

/**
 * What clients bring to be said, on its way to a session's speech lane: texts are synthesised, and every sound gets the
 * lane's rate.
 *
 * Lifetime: its session's.
 */
export class SpeechIntake {
  readonly #session: Session;
  readonly #synthesise: Synthesise;
  /** Of the sound that is being appended. */
  #reader: AppendedSoundReader | undefined;

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
   * @throws {StreamError} `unsupported_input`, `speech_overflow`, `bad_parameter` when it has another form than before
   *   or cannot be decoded; nothing of it is taken then.
   */
  append(sound: AppendedSound, eventId?: string): void {
    const { speech } = this.#session;
    speech.requireRoom();
    speech.append(this.#read(sound), eventId);
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

  #read(sound: AppendedSound): Float32Array {
    const isFirst = this.#reader === undefined;
    this.#reader ??= new AppendedSoundReader(sound);
    try {
      return this.#reader.read(sound);
    } catch (cause) {
      // What nothing was taken of decides nothing for what comes next.
      if (isFirst) this.#close();
      throw cause;
    }
  }

  /** Let out what the reader held back. */
  #finish(): void {
    const rest = this.#reader?.finish();
    this.#close();
    if (rest !== undefined && rest.length > 0) this.#session.speech.append(rest);
  }

  #close(): void {
    this.#reader?.close();
    this.#reader = undefined;
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
