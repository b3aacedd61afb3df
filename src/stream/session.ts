import { concatMap, fromEvent, type Observable, Subject, share, takeUntil } from "rxjs";
import type { SettledChoice } from "../cache/choice.ts";
import type { Clock } from "../core/clock.ts";
import type { ControlValues } from "../core/controls.ts";
import { Credits } from "../core/credits.ts";
import { StreamError, toStreamError } from "../core/errors.ts";
import { as, type BitsPerSecond, frameTime, type Millis } from "../core/units.ts";
import { type Accepted, ControlState } from "./controls.ts";
import type { BlockResult, EngineSession, Forgetting, RenditionCodec } from "./engine/contract.ts";
import type {
  Moment,
  Picture,
  Position,
  SessionEnd,
  SessionEvent,
  SessionReport,
  SessionState,
  Sound,
} from "./events.ts";
import { Gate } from "./gate.ts";
import { Limits, type SessionLimits } from "./limits.ts";
import { SessionMetrics } from "./metrics.ts";
import type { SessionModel } from "./model.ts";
import { Pacer } from "./pacer.ts";
import {
  changeParameters,
  type ParameterChange,
  type Parameters,
  requireStart,
} from "./parameters.ts";
import { paceMoments, positionOf } from "./pipeline.ts";
import { pull } from "./pull.ts";
import { type RenditionHold, Renditions } from "./renditions.ts";
import { type CacheView, type Reset, SessionCache } from "./session-cache.ts";
import { SpeechLane } from "./speech/speech-lane.ts";

/** What a session is made of. */
export interface SessionParts {
  /** Owns: the session closes it when it ends. */
  readonly engine: EngineSession;
  readonly model: SessionModel;
  readonly parameters: Parameters;
  readonly limits: SessionLimits;
  readonly clock: Clock;
}

/** Blocks in flight: one being made, one being sent. */
const LEASES = 2;
/** A block is begun at most this long before it is due, and at least one block's time. */
const LEAD_BOUND: Millis = as(120);
const REPORT_EVERY: Millis = as(1000);

/**
 * One endless stream: pulls blocks from the engine while somebody watches, and lets their frames go on
 * the media clock.
 *
 * Lifetime: from construction, detached, to `end`. Everything it holds is released when it ended.
 */
export class Session {
  readonly id: string;
  readonly model: SessionModel;
  /** Lifecycle: subject; buffers nothing; a late subscriber sees later events; completes at the end. */
  readonly events$: Observable<SessionEvent>;
  /**
   * Pictures when they are due. Lifecycle: shared, made whether observed or not; buffers nothing; completes
   * at the end. Unsubscribing stops nothing.
   */
  readonly pictures$: Observable<Picture>;
  /** Packets of sound when they are due. Lifecycle: as `pictures$`. */
  readonly sound$: Observable<Sound>;
  readonly #speech: SpeechLane | undefined;
  readonly #engine: EngineSession;
  readonly #clock: Clock;
  readonly #events = new Subject<SessionEvent>();
  readonly #credits = new Credits(LEASES);
  readonly #controls: ControlState;
  readonly #renditions: Renditions;
  readonly #gate = new Gate(false);
  readonly #pacer: Pacer;
  readonly #limits: Limits;
  readonly #metrics: SessionMetrics;
  readonly #life = new AbortController();
  readonly #cache: SessionCache;
  #parameters: Parameters;
  #reset: Reset | undefined;
  #picture: Uint8Array | undefined;
  #report: SessionReport | undefined;
  #next: Position = { block: as(0), frame: as(0), pts: as(0) };
  #isPaused = false;
  #isAttached = false;
  #working: Promise<unknown> = Promise.resolve();
  #ending: Promise<void> | undefined;

  constructor({ engine, model, parameters, limits, clock }: SessionParts) {
    this.id = engine.id;
    this.model = model;
    this.#engine = engine;
    this.#clock = clock;
    this.#parameters = parameters;
    this.#cache = new SessionCache(engine, model.cache, parameters.cache);
    this.#controls = new ControlState(model.controls);
    this.#renditions = new Renditions(clock);
    this.#metrics = new SessionMetrics(clock.now());
    const blockTime = (model.framesPerBlock * 1000) / model.frameRate;
    this.#pacer = new Pacer(clock, as(Math.max(LEAD_BOUND, blockTime)));
    this.events$ = this.#events.asObservable();
    this.#limits = new Limits(
      clock,
      limits,
      {
        near: (limit, remaining) => this.#emit({ type: "limit-near", limit, remaining }),
        expired: (reason) => void this.end(reason),
      },
      this.#life.signal,
    );
    this.#speech =
      model.speech &&
      new SpeechLane({
        shape: model.speech,
        emit: (event) => this.#emit(event),
        active: () => this.#limits.active(),
        signal: this.#life.signal,
      });
    const moments$ = this.#open();
    this.pictures$ = moments$.pipe(
      concatMap((moment) => (moment.kind === "picture" ? [moment.picture] : [])),
    );
    this.sound$ = moments$.pipe(
      concatMap((moment) => (moment.kind === "sound" ? [moment.sound] : [])),
    );
    void this.#reportEverySecond();
  }

  /** What is said in it. @throws {StreamError} `unsupported_input` where the model hears nothing. */
  get speech(): SpeechLane {
    if (this.#speech !== undefined) return this.#speech;
    throw new StreamError("unsupported_input", "this model hears nobody");
  }

  get state(): SessionState {
    if (this.#life.signal.aborted) return "ended";
    if (!this.#isAttached) return "detached";
    if (this.#isPaused) return "paused";
    return this.#next.block === 0 ? "loading" : "streaming";
  }

  get parameters(): Parameters {
    return this.#parameters;
  }

  /** What the cache keeps now; what `parameters` ask for is in force from the next block on. */
  get cache(): SettledChoice {
    return this.#cache.inForce;
  }

  /** The version of the control state; every accepted change raises it. */
  get epoch(): number {
    return this.#controls.epoch;
  }

  /** Where the stream stands: the block, frame and media time that come next. */
  get position(): Position {
    return this.#next;
  }

  /** The newest report; undefined in the first second. */
  get report(): SessionReport | undefined {
    return this.#report;
  }

  /** Leases that are not in use; all of them once the session ended. */
  get freeLeases(): number {
    return this.#credits.available;
  }

  /** A client is there: generation runs, unless it is paused. */
  attach(): void {
    this.#isAttached = true;
    this.#limits.attached();
    this.#applyState();
  }

  /** The client is gone, its last sign of life `silent` ago: generation waits for the grace period, with all controls let go. */
  detach(silent?: Millis): void {
    if (!this.#isAttached) return;
    this.#isAttached = false;
    this.#controls.release();
    this.#limits.detached(silent);
    this.#applyState();
  }

  /** Nobody steers any more, though somebody watches: all controls are let go. */
  letGo(): void {
    this.#controls.release();
  }

  pause(): void {
    this.#isPaused = true;
    this.#limits.active();
    this.#applyState();
  }

  resume(): void {
    this.#isPaused = false;
    this.#limits.active();
    this.#applyState();
  }

  /**
   * Make one block while paused.
   *
   * @throws {StreamError} `state_conflict` when generation is not paused.
   */
  step(): void {
    if (this.state !== "paused") {
      throw new StreamError("state_conflict", "pause generation before stepping it");
    }
    this.#limits.active();
    this.#stepOnce();
  }

  /**
   * Fold control values into the state that the next block is made under.
   *
   * @throws {StreamError} `unknown_control` or `bad_control`; nothing is changed then.
   */
  input(values: ControlValues, eventId?: string): Accepted {
    const accepted = this.#controls.accept(values, eventId);
    this.#limits.active();
    return accepted;
  }

  /**
   * Change parameters; returns the epoch of the change.
   *
   * @throws {StreamError} `bad_parameter`; nothing is changed then.
   */
  change(change: ParameterChange, eventId?: string): number {
    this.#parameters = changeParameters(this.#parameters, change, this.model);
    if (change.cache !== undefined) this.#cache.ask(eventId);
    this.#limits.active();
    return this.#controls.note(eventId);
  }

  /** Empty the cache at the next block's edge; the picture goes on from the newest block. */
  forgetCache(what: Forgetting, eventId?: string): number {
    this.#cache.forget(what, eventId);
    this.#limits.active();
    return this.#controls.note(eventId);
  }

  /** What the cache holds. @throws {StreamError} `session_ended`, `engine_lost`. */
  inspectCache(): Promise<CacheView> {
    return this.#cache.inspect();
  }

  /**
   * Begin again at the next block's edge, from `start`, else from the picture that was brought last, else from the
   * model's first start; block and frame numbers go on. A paused session shows the first block of the new beginning.
   *
   * @throws {StreamError} `unknown_start`.
   */
  reset(
    change: { seed?: number | undefined; start?: string | undefined },
    eventId?: string,
  ): number {
    const { seed = this.#parameters.seed, start } = change;
    requireStart(start, this.model);
    this.#parameters = { ...this.#parameters, seed };
    if (start !== undefined) this.#picture = undefined;
    const picture = this.#picture;
    this.#reset = {
      seed,
      ...(start !== undefined && { start }),
      ...(picture !== undefined && { picture }),
    };
    this.#limits.active();
    if (this.state === "paused") this.#stepOnce();
    return this.#controls.note(eventId);
  }

  /**
   * Begin again from a picture [height, width, 3], uint8, as from a start; returns the epoch of the change.
   *
   * @throws {StreamError} `no_face`, `bad_parameter` for another size, `session_ended`; nothing is changed then.
   */
  async beginFrom(picture: Uint8Array, eventId?: string): Promise<number> {
    await this.#engine.checkPicture(picture);
    this.#life.signal.throwIfAborted();
    this.#picture = picture;
    return this.reset({}, eventId);
  }

  /** Begin again from the model's first start, whatever picture was brought. */
  forgetPicture(eventId?: string): number {
    this.#picture = undefined;
    return this.reset({}, eventId);
  }

  /** Join an encoding of the pictures; the first picture in it will be a key packet. */
  rendition(codec: RenditionCodec, bitrate: BitsPerSecond): RenditionHold {
    return this.#renditions.hold(codec, bitrate);
  }

  /** The engine process was replaced and goes on from what it remembered. */
  recovered(): void {
    this.#emit({ type: "generation-recovered", at: this.#next });
  }

  /** End for good; settles when the engine's side is closed and every lease returned. */
  end(reason: SessionEnd): Promise<void> {
    this.#ending ??= this.#finish(reason);
    return this.#ending;
  }

  async #finish(reason: SessionEnd): Promise<void> {
    this.#life.abort(new StreamError("session_ended", `the session ended: ${reason}`));
    const { block: blocks, frame: frames } = this.#next;
    this.#emit({ type: "state-change", state: "ended" });
    this.#emit({ type: "ended", reason, blocks, frames });
    this.#events.complete();
    await this.#working.catch(() => undefined);
    // An engine that is lost has nothing left to close.
    await this.#engine.close().catch(() => undefined);
  }

  #open(): Observable<Moment> {
    const moments$ = pull((signal) => this.#blocks(signal), this.#credits).pipe(
      paceMoments({
        pacer: this.#pacer,
        frameRate: this.model.frameRate,
        released: (late) => this.#metrics.released(late),
      }),
      takeUntil(fromEvent(this.#life.signal, "abort")),
      // Whoever subscribes after the end is told of the end, and starts nothing.
      share({ resetOnComplete: false, resetOnError: false, resetOnRefCountZero: false }),
    );
    moments$.subscribe({
      next: (moment) => {
        if (moment.kind === "picture") this.#speech?.passed(moment.picture.pts);
      },
      error: (error: unknown) => this.#failed(error),
    });
    return moments$;
  }

  async *#blocks(signal: AbortSignal): AsyncGenerator<BlockResult> {
    while (!signal.aborted) {
      await this.#gate.pass(signal);
      await this.#pacer.begin(this.#next.pts, signal);
      const making = this.#make();
      this.#working = making;
      yield await making;
    }
  }

  async #make(): Promise<BlockResult> {
    const reset = this.#reset;
    this.#reset = undefined;
    const { steps, sound, cache: choice } = this.#parameters;
    const { epoch, vector, eventIds } = this.#controls.sample();
    const applied = await this.#cache.apply({ choice, reset });
    const began = this.#clock.now();
    const said = this.#speech?.take();
    const request = {
      control: vector,
      epoch,
      steps,
      sound,
      ...(said !== undefined && { speech: said.speech }),
      renditions: this.#renditions.active,
      keyframes: this.#renditions.takeKeyframes(),
    };
    const { result, changed } = await this.#cache.next(request, applied);
    const blockTime = as<Millis>(this.#clock.now() - began);
    this.#pacer.made(blockTime);
    this.#metrics.made(result, blockTime);
    this.#made(result, eventIds);
    const at = positionOf(result);
    if (reset !== undefined) this.#emit({ type: "generation-reset", at });
    // What could not be had is wanted no more.
    if (this.#parameters.cache === choice)
      this.#parameters = { ...this.#parameters, cache: this.#cache.wanted };
    for (const change of changed) this.#emit({ ...change, at, report: result.cache });
    const cleared = said?.cleared;
    if (cleared !== undefined) this.#emit({ type: "output-cleared", eventIds: cleared, at });
    return result;
  }

  #made(result: BlockResult, eventIds: readonly string[]): void {
    const frame = result.firstFrame + result.frames;
    const first = this.#next.block === 0;
    const at = positionOf(result);
    this.#next = {
      block: as(result.block + 1),
      frame: as(frame),
      pts: frameTime(frame, this.model.frameRate),
    };
    if (first) {
      this.#emit({ type: "generation-started", at });
      this.#emit({ type: "state-change", state: this.state });
    }
    if (eventIds.length > 0) {
      this.#emit({ type: "input-applied", eventIds, epoch: result.epoch, at });
    }
  }

  #failed(cause: unknown): void {
    const error = toStreamError(cause);
    this.#emit({ type: "failed", error });
    const lost = error.code === "engine_lost" || error.code === "engine_hung";
    void this.end(lost ? "engine_lost" : "error");
  }

  #applyState(): void {
    if (this.#life.signal.aborted) return;
    if (this.#isAttached && !this.#isPaused) {
      if (!this.#gate.isOpen) this.#pacer.restart();
      this.#gate.open();
    } else this.#gate.close();
    this.#emit({ type: "state-change", state: this.state });
  }

  #stepOnce(): void {
    this.#pacer.restart();
    this.#gate.step();
  }

  #emit(event: SessionEvent): void {
    this.#events.next(event);
  }

  async #reportEverySecond(): Promise<void> {
    const { signal } = this.#life;
    for (;;) {
      try {
        await this.#clock.sleep(REPORT_EVERY, signal);
      } catch {
        // Only the session's end interrupts the sleep.
        return;
      }
      this.#report = this.#metrics.report(this.#next, this.#clock.now());
      if (this.#isAttached) this.#emit({ type: "report", report: this.#report });
    }
  }
}
