import {
  catchError,
  concatMap,
  EMPTY,
  fromEvent,
  Observable,
  Subject,
  startWith,
  switchMap,
  takeUntil,
} from "rxjs";
import { StreamError, toStreamError } from "../../core/errors.ts";
import { as, type Micros } from "../../core/units.ts";
import type { BlockSpeech, SpeechShape } from "../../models/speech.ts";
import type { SpeechEvent } from "../events.ts";
import type { LiveSound } from "./live-sound.ts";
import { Microphone } from "./microphone.ts";
import { type Cue, Playback } from "./playback.ts";
import { PushedSound } from "./pushed-sound.ts";
import { type Span, SpeechQueue } from "./speech-queue.ts";
import type { SpeechSource, Utterance } from "./utterance.ts";

/** What a speech lane stands on. */
export interface SpeechLaneParts {
  readonly shape: SpeechShape;
  readonly emit: (event: SpeechEvent) => void;
  /** Told when somebody speaks. */
  readonly active: () => void;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** What is given to the model in one block, and the clearings that it is the first to show. */
export interface TakenSpeech {
  readonly speech: BlockSpeech;
  /** Absent where nothing was cleared. */
  readonly cleared?: readonly string[];
}

/** Samples a second of every speech lane. */
export const SPEECH_RATE = 16_000;
/** Bounds of what may wait to be heard. */
export const SPEECH_LIMITS = { seconds: 60, utterances: 16 } as const;
/** Clearings between two blocks whose ids are told; of more the later ones are not. */
const MOST_IDS = 256;
/** Samples that are made ahead of what is heard, where they can be made faster than they are spoken: 5 s. */
const AHEAD = 5 * SPEECH_RATE;

interface Said {
  readonly utterance: Utterance;
  readonly source: SpeechSource;
}

/** An utterance that is not over, and how many samples were brought for it that the model has not been given. */
interface Pending {
  readonly utterance: Utterance;
  waiting: number;
}

/**
 * What is said in a session: texts and sounds one after the other, a microphone where nothing else is said, silence
 * else. Taken block by block, with the media clock.
 *
 * Lifetime: until its signal aborts. Bounded by `SPEECH_LIMITS`; what does not fit is refused.
 */
export class SpeechLane {
  readonly #parts: SpeechLaneParts;
  readonly #queue = new SpeechQueue(AHEAD);
  readonly #playback: Playback;
  readonly #said = new Subject<Said>();
  readonly #clears = new Subject<undefined>();
  readonly #records = new Map<string, Pending>();
  readonly #microphone = new Microphone(() => this.#record("microphone").utterance.id);
  #open: { readonly record: Pending; readonly sound: PushedSound } | undefined;
  #clearing: { readonly eventIds: string[]; readonly unsaid: string[] } | undefined;
  #count = 0;

  constructor(parts: SpeechLaneParts) {
    this.#parts = parts;
    this.#playback = new Playback(parts.shape.lookAheadFrames * parts.shape.frameSamples);
    this.#clears
      .pipe(
        startWith(undefined),
        switchMap(() => this.#said.pipe(concatMap((said) => this.#speak(said)))),
        takeUntil(fromEvent(parts.signal, "abort")),
      )
      // What cannot be said is told one by one, and the chain goes on.
      .subscribe({ error: () => undefined });
  }

  /**
   * Say what `source` brings, after all that waits.
   *
   * @throws {StreamError} `speech_overflow` when too much waits.
   */
  say(source: SpeechSource, eventId?: string): void {
    if (this.#isFull) throw overflow("utterances");
    this.commit();
    this.#begin("text", source, eventId);
  }

  /** Whether more may be appended, a second at the most. @throws {StreamError} `speech_overflow`. */
  requireRoom(): void {
    const waiting = [...this.#records.values()].reduce((sum, record) => sum + record.waiting, 0);
    if (waiting >= SPEECH_LIMITS.seconds * SPEECH_RATE) throw overflow("seconds");
    if (this.#open === undefined && this.#isFull) throw overflow("utterances");
  }

  /**
   * More of the sound that is being appended, or the beginning of another; `requireRoom` is asked first.
   *
   * Shapes: float32 [n], mono, in [-1, 1], at 16 kHz.
   */
  append(samples: Float32Array, eventId?: string): void {
    this.#open ??= this.#openSound(eventId);
    this.#open.record.waiting += samples.length;
    this.#open.sound.push(samples);
    this.#parts.active();
  }

  /** The sound that is being appended is whole; the next one is another utterance. */
  commit(): void {
    this.#open?.sound.end();
    this.#open = undefined;
  }

  /** Forget the sound that is being appended, as far as the model was not given it. */
  forgetAppended(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.commit();
    open.record.waiting = 0;
    this.#queue.drop(open.record.utterance.id);
    this.#playback.drop(open.record.utterance.id);
  }

  /**
   * Listen to a live sound where nothing else is said, to none when absent. Each time that somebody speaks into it is an
   * utterance.
   */
  listen(sound?: LiveSound): void {
    this.#microphone.listen(sound);
  }

  /** Forget all that waits; from the next block on nothing of it is heard. */
  clear(eventId?: string): void {
    const { eventIds, unsaid } = this.#clearing ?? { eventIds: [], unsaid: [] };
    this.#clearing = {
      eventIds:
        eventId === undefined || eventIds.length >= MOST_IDS ? eventIds : [...eventIds, eventId],
      unsaid: [...new Set([...unsaid, ...this.#records.keys()])],
    };
    this.#open = undefined;
    this.#queue.clear();
    for (const record of this.#records.values()) record.waiting = 0;
    this.#clears.next(undefined);
    this.#parts.active();
  }

  /** What the next block is given. */
  take(): TakenSpeech {
    const { framesPerBlock, frameSamples } = this.#parts.shape;
    const samples = new Float32Array(framesPerBlock * frameSamples);
    const clearing = this.#clearing;
    this.#clearing = undefined;
    if (clearing !== undefined) {
      this.#playback.cut(clearing.unsaid);
      this.#microphone.forget();
    }
    this.#fill(samples);
    const speech = { samples, cut: clearing !== undefined };
    return clearing === undefined ? { speech } : { speech, cleared: clearing.eventIds };
  }

  /** Media time `pts` is shown: tell what has come to be heard by then. */
  passed(pts: Micros): void {
    for (const cue of this.#playback.heard(Math.floor((pts * SPEECH_RATE) / 1e6))) this.#tell(cue);
  }

  #fill(samples: Float32Array): void {
    const spans = this.#queue.take(samples);
    for (const span of spans) this.#given(span);
    if (spans.length === 0) {
      this.#hear(samples);
      return;
    }
    const cutShort = this.#microphone.skip();
    if (cutShort !== undefined) this.#playback.drop(cutShort);
    this.#playback.give(spans, samples.length);
    this.#parts.active();
  }

  /** Nothing else is said, so the microphone is heard. */
  #hear(samples: Float32Array): void {
    const { spans, isAudible } = this.#microphone.take(samples);
    this.#playback.give(spans, samples.length);
    if (isAudible) this.#parts.active();
  }

  #given({ utterance, from, to }: Span): void {
    const record = this.#records.get(utterance);
    if (record !== undefined) record.waiting = Math.max(0, record.waiting - (to - from));
  }

  #openSound(eventId: string | undefined): { record: Pending; sound: PushedSound } {
    const sound = new PushedSound();
    return { record: this.#begin("audio", sound.read, eventId), sound };
  }

  #begin(source: "audio" | "text", read: SpeechSource, eventId: string | undefined): Pending {
    const record = this.#record(source, eventId);
    this.#said.next({ utterance: record.utterance, source: read });
    this.#parts.active();
    return record;
  }

  #record(source: Utterance["source"], eventId?: string): Pending {
    const id = `u${++this.#count}`;
    const utterance = { id, source, ...(eventId !== undefined && { eventId }) };
    const record: Pending = { utterance, waiting: 0 };
    this.#records.set(id, record);
    return record;
  }

  /** Brings one utterance into the queue. Lifecycle: cold; emits nothing, completes when all of it is there. */
  #speak({ utterance, source }: Said): Observable<never> {
    return new Observable<never>((subscriber) => {
      const stop = new AbortController();
      this.#bring(utterance, source, stop.signal).then(
        () => subscriber.complete(),
        (cause: unknown) => subscriber.error(cause),
      );
      return () => stop.abort();
    }).pipe(
      catchError((cause: unknown) => {
        this.#queue.end(utterance.id);
        const error = toStreamError(cause, "speech_failed", "refuse");
        this.#parts.emit({ type: "speech-failed", utterance, error });
        return EMPTY;
      }),
    );
  }

  async #bring({ id, source }: Utterance, read: SpeechSource, signal: AbortSignal): Promise<void> {
    this.#queue.begin(id, source === "audio");
    for await (const samples of read(signal)) {
      await this.#queue.room(signal);
      this.#queue.push(id, samples);
    }
    this.#queue.end(id);
  }

  #tell(cue: Cue): void {
    const record = this.#records.get(cue.utterance);
    if (record === undefined) return;
    const { utterance } = record;
    const at = as<Micros>(Math.round(((cue.at + this.#lookAhead) * 1e6) / SPEECH_RATE));
    if (cue.edge === "start") {
      this.#parts.emit({ type: "speech-started", utterance, at });
      return;
    }
    this.#records.delete(utterance.id);
    const { interrupted } = cue;
    const played = as<never>((cue.played * 1000) / SPEECH_RATE);
    this.#parts.emit({ type: "speech-finished", utterance, at, played, interrupted });
  }

  /** Whether nobody may bring another utterance; those of a microphone do not wait. */
  get #isFull(): boolean {
    const brought = [...this.#records.values()].filter(
      ({ utterance }) => utterance.source !== "microphone",
    );
    return brought.length >= SPEECH_LIMITS.utterances;
  }

  get #lookAhead(): number {
    return this.#parts.shape.lookAheadFrames * this.#parts.shape.frameSamples;
  }
}

const overflow = (limit: keyof typeof SPEECH_LIMITS): StreamError =>
  new StreamError(
    "speech_overflow",
    `at most ${SPEECH_LIMITS[limit]} ${limit} may wait to be heard; say the rest later, or clear what waits`,
    { recovery: "retry", detail: { limit, most: SPEECH_LIMITS[limit] } },
  );
