import { type SerialisedError, StreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import type { Microphone, SpeechControls, SpeechFinished } from "./session.ts";

/** What is asked about speech. */
type SpeechRequest = Extract<
  ClientMessageInput,
  { type: "speech.say" | "output.clear" | `input_audio.${string}` }
>;

/** What speech needs of its session. */
export interface SpeechParts {
  /** Sends a request and resolves with the first answer to it. */
  readonly ask: (request: SpeechRequest) => Promise<ServerEvent>;
  /** Sends a message that is not answered. */
  readonly send: (message: SpeechRequest) => void;
  /** An id that no other message has. */
  readonly nextId: () => string;
  /** Told of a sound that was refused. */
  readonly refused: (error: StreamError) => void;
  /** Publishes a microphone into the session. */
  readonly publish: (stream: MediaStream) => Promise<Microphone>;
}

/** Samples in one message: a base64 of some 11 kB. */
const MOST_SAMPLES = 4_000;
const FULL_SCALE = 2 ** 15 - 1;
const DEFAULT_RATE = 16_000;

/** The one implementation of `SpeechControls`. Lifetime: its session's. */
export class SessionSpeech implements SpeechControls {
  readonly #parts: SpeechParts;
  readonly #ends = new Map<string, PromiseWithResolvers<SpeechFinished>>();
  #appending: string | undefined;

  constructor(parts: SpeechParts) {
    this.#parts = parts;
  }

  readonly say = async (text: string, { voice }: { readonly voice?: string } = {}) => {
    this.#appending = undefined;
    const answer = await this.#parts.ask({ type: "speech.say", text, voice });
    return this.#over("event_id" in answer ? (answer.event_id ?? "") : "");
  };

  readonly append = (samples: Float32Array | Int16Array, rate: number = DEFAULT_RATE): void => {
    this.#appending ??= this.#parts.nextId();
    for (let at = 0; at < samples.length; at += MOST_SAMPLES) {
      this.#parts.send({
        type: "input_audio.append",
        event_id: this.#appending,
        audio: base64Of(pcmOf(samples.subarray(at, at + MOST_SAMPLES))),
        sample_rate: rate,
      });
    }
  };

  readonly appendOpus = (packet: Uint8Array): void => {
    this.#appending ??= this.#parts.nextId();
    this.#parts.send({
      type: "input_audio.append",
      event_id: this.#appending,
      format: "opus",
      audio: base64Of(packet),
    });
  };

  readonly commit = async (): Promise<SpeechFinished> => {
    const id = this.#appending;
    if (id === undefined) throw new StreamError("state_conflict", "nothing was appended");
    this.#appending = undefined;
    const over = this.#over(id);
    // Where the server refuses, there is nothing to wait for.
    over.catch(() => undefined);
    await this.#parts.ask({ type: "input_audio.commit" });
    return over;
  };

  readonly clear = async (): Promise<void> => {
    this.#appending = undefined;
    await this.#parts.ask({ type: "output.clear" });
  };

  readonly microphone = (stream: MediaStream): Promise<Microphone> => this.#parts.publish(stream);

  /** Hear what the server tells. */
  told(event: ServerEvent): void {
    if (event.type === "input.rejected") this.#refused(event.event_id, event.error);
    if (event.type !== "speech.finished" || event.event_id === undefined) return;
    this.#ends.get(event.event_id)?.resolve(event);
    this.#ends.delete(event.event_id);
  }

  /** The session is over: nothing more is heard. */
  abandon(): void {
    const why = new StreamError("session_ended", "the session ended before that was heard");
    for (const { reject } of this.#ends.values()) reject(why);
    this.#ends.clear();
  }

  #refused(eventId: string | undefined, refusal: SerialisedError): void {
    if (eventId === undefined) return;
    if (eventId !== this.#appending && !this.#ends.has(eventId)) return;
    const error = StreamError.from(refusal);
    const { promise, reject } = this.#end(eventId);
    promise.catch(() => undefined);
    reject(error);
    this.#parts.refused(error);
  }

  #over(eventId: string): Promise<SpeechFinished> {
    return this.#end(eventId).promise;
  }

  #end(eventId: string): PromiseWithResolvers<SpeechFinished> {
    const end = this.#ends.get(eventId) ?? Promise.withResolvers<SpeechFinished>();
    this.#ends.set(eventId, end);
    return end;
  }
}

const base64Of = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Samples as PCM of 16 bits, little-endian; what is beyond [-1, 1] is clipped. */
function pcmOf(samples: Float32Array | Int16Array): Uint8Array {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  samples.forEach((sample, i) => {
    const scaled = samples instanceof Int16Array ? sample : Math.round(sample * FULL_SCALE);
    view.setInt16(2 * i, Math.max(-FULL_SCALE - 1, Math.min(FULL_SCALE, scaled)), true);
  });
  return bytes;
}
