import { StreamError } from "../../core/errors.ts";
import { openSoundDecoder, type SoundDecoder } from "../../media/codecs/decode.ts";
import { Resampler } from "../../media/codecs/resample.ts";
import { SAMPLE_RATE } from "../../media/sound/test-signal.ts";
import { type AppendedSound, badSound, samplesOf } from "../../protocol/speech.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";

/** Sound as a client brings it. */
export type BroughtSound = Pick<AppendedSound, "format" | "audio" | "sample_rate">;

/**
 * One sound that comes in pieces, brought to the rate of speech lanes.
 *
 * Lifetime: until `close`.
 */
export class AppendedStream {
  readonly #format: BroughtSound["format"];
  readonly #rate: number;
  readonly #decoder: SoundDecoder | undefined;
  readonly #resampler: Resampler;

  /** Of the format and the rate of `first`, which is not taken yet. */
  constructor(first: BroughtSound) {
    this.#format = first.format;
    this.#rate = rateOf(first);
    this.#decoder = this.#format === "opus" ? openSoundDecoder() : undefined;
    this.#resampler = new Resampler(this.#rate, SPEECH_RATE);
  }

  /**
   * The next piece. Shapes: float32 [n], mono, in [-1, 1], at 16 kHz.
   *
   * @throws {StreamError} `bad_parameter` when it is broken, or of another format or rate than those before.
   */
  take(sound: BroughtSound): Float32Array {
    if (sound.format !== this.#format) {
      throw badSound("format", `the sound so far is ${this.#format}; commit it first`);
    }
    if (rateOf(sound) !== this.#rate) {
      throw badSound("sample_rate", `the sound so far has ${this.#rate}; commit it first`);
    }
    return this.#resampler.resample(this.#decoded(sound.audio));
  }

  /** What was held back, after the last piece. */
  finish(): Float32Array {
    return this.#resampler.finish();
  }

  close(): void {
    this.#decoder?.close();
    this.#resampler.close();
  }

  #decoded(audio: Uint8Array): Float32Array {
    if (this.#decoder === undefined) return samplesOf(audio);
    try {
      return this.#decoder.decode(audio);
    } catch (cause) {
      throw StreamError.is(cause) ? badSound("audio", cause.message) : cause;
    }
  }
}

const rateOf = ({ format, sample_rate }: BroughtSound): number =>
  format === "opus" ? SAMPLE_RATE : sample_rate;
