import { StreamError } from "../../core/errors.ts";
import { openSoundDecoder, type SoundDecoder } from "../../media/codecs/decode.ts";
import { opusSamples } from "../../media/codecs/opus-packet.ts";
import { Resampler } from "../../media/codecs/resample.ts";
import { SAMPLE_RATE } from "../../media/sound/test-signal.ts";
import { type AppendedSound, badSound, rateOf, SPEECH, samplesOf } from "../../protocol/speech.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";

const MOST_SAMPLES = (SPEECH.opus.milliseconds * SAMPLE_RATE) / 1000;

/**
 * Makes the sound of one utterance the lane's, part by part: all of its parts have one format and one rate.
 *
 * Lifetime: until `close`.
 */
export class AppendedSoundReader {
  readonly #form: Omit<AppendedSound, "audio">;
  readonly #rate: number;
  readonly #resampler: Resampler;
  #decoder: SoundDecoder | undefined;

  /** For sound of the form of `first`. @throws {StreamError} `bad_parameter` for a rate that cannot be had. */
  constructor(first: AppendedSound) {
    this.#form = first;
    this.#rate = rateOf(first);
    this.#resampler = new Resampler(this.#rate, SPEECH_RATE);
  }

  /**
   * The next part. Shapes: float32 [n], mono, at the lane's rate; a few samples are held back.
   *
   * @throws {StreamError} `bad_parameter` for another form than before, or a packet that cannot be decoded; what comes
   *   later is read as if it had not been there.
   */
  read(sound: AppendedSound): Float32Array {
    this.#requireForm(sound);
    const { format, audio } = sound;
    return this.#resampler.resample(format === "opus" ? this.#decode(audio) : samplesOf(audio));
  }

  /** What was held back, after the last part. */
  finish(): Float32Array {
    return this.#resampler.finish();
  }

  close(): void {
    this.#resampler.close();
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  #requireForm(sound: AppendedSound): void {
    const { format } = this.#form;
    if (sound.format !== format) {
      throw badSound("format", `the sound so far is ${format}; commit it first`);
    }
    if (rateOf(sound) === this.#rate) return;
    throw badSound("sample_rate", `the sound so far has ${this.#rate}; commit it first`);
  }

  #decode(packet: Uint8Array): Float32Array {
    const samples = opusSamples(packet);
    if (samples === 0 || samples > MOST_SAMPLES) {
      throw badSound("audio", `an Opus packet lasts up to ${SPEECH.opus.milliseconds} ms`);
    }
    this.#decoder ??= openSoundDecoder();
    try {
      return this.#decoder.decode(packet);
    } catch (cause) {
      if (cause instanceof StreamError && cause.code !== "bad_upload") throw cause;
      throw badSound("audio", "this is no Opus packet");
    }
  }
}
