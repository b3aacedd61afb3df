import { type Clock, systemClock } from "../../core/clock.ts";
import { StreamError, toStreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { as, type BlockIndex, type Millis } from "../../core/units.ts";
import type { ModelCache } from "../../models/model.ts";
import { type EngineChannel, openChannel } from "./channel.ts";
import type { EngineEvent, EngineOptions, EngineSession, SessionOptions } from "./contract.ts";
import { RESTART_LIMITS, type RestartLimits, Restarts } from "./restarts.ts";
import { type EngineLoss, RunningEngine } from "./running-engine.ts";
import { type SessionHome, SupervisedSession } from "./supervised-session.ts";

/** One package in a process of its own, replaced when it is lost. Lifetime: until `close`. */
export interface Engine {
  /** The process that runs now, or ran last. */
  readonly pid: number;
  /** What sessions may choose of their caches there, and what they begin with. */
  readonly cache: ModelCache;
  /**
   * Open a session.
   *
   * @throws {StreamError} `unknown_start`, `bad_parameter`; `engine_lost` when engines ended again and again.
   */
  open(options: SessionOptions): Promise<EngineSession>;
  /** End the process and every session in it; settles when it is gone. */
  close(): Promise<void>;
}

/** What a supervisor is made of. */
export interface SupervisorParts {
  readonly options: EngineOptions;
  readonly onEvent: (event: EngineEvent) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly restarts: RestartLimits;
  /** Starts a process. */
  readonly openChannel: () => EngineChannel;
}

/**
 * Start an engine process for one package, and keep one running until `close`.
 *
 * An engine that ends or stops answering is replaced and its sessions go on; their calls wait for that.
 * @throws {StreamError} the reason the package or the provider was refused for; `engine_lost` or
 *   `engine_hung` when the process never became ready.
 */
export function startEngine(
  options: EngineOptions,
  onEvent: (event: EngineEvent) => void,
  logger: Logger,
): Promise<Engine> {
  return supervise({
    options,
    onEvent,
    logger,
    clock: systemClock,
    restarts: RESTART_LIMITS,
    openChannel: () => openChannel(logger),
  });
}

/** `startEngine` with everything it stands on passed in. */
export async function supervise(parts: SupervisorParts): Promise<Engine> {
  const supervisor = new Supervisor(parts);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements Engine, SessionHome {
  readonly #parts: SupervisorParts;
  readonly #restarts: Restarts;
  readonly #sessions = new Set<SupervisedSession>();
  readonly #life = new AbortController();
  /** The engine that runs, or the one that is coming. */
  #engine: Promise<RunningEngine>;
  /** The process that is loading; undefined when none is. */
  #loading: EngineChannel | undefined;
  #running: RunningEngine | undefined;
  #isGivenUp = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#restarts = new Restarts(parts.restarts);
    this.#engine = this.#launch();
  }

  get pid(): number {
    return this.#newest.pid;
  }

  get cache(): ModelCache {
    return this.#newest.facts.cache;
  }

  /** The engine that runs now, or ran last. */
  get #newest(): RunningEngine {
    if (this.#running === undefined) throw new TypeError("no engine ever ran");
    return this.#running;
  }

  async start(): Promise<void> {
    await this.#engine;
  }

  async open(options: SessionOptions): Promise<EngineSession> {
    const now = this.#parts.clock.now();
    if (this.#isGivenUp && this.#restarts.mayTry(now)) this.#mend("it was given up", now);
    const session = await SupervisedSession.open(options, this);
    this.#sessions.add(session);
    return session;
  }

  async close(): Promise<void> {
    if (this.#life.signal.aborted) return;
    const closed = new StreamError("engine_lost", "the engine was closed");
    this.#life.abort(closed);
    for (const session of this.#sessions) session.end(closed);
    this.#loading?.kill();
    const engine = await this.#engine.catch(() => undefined);
    await engine?.close();
  }

  async running(): Promise<RunningEngine> {
    this.#life.signal.throwIfAborted();
    return this.#engine;
  }

  recovered(session: SupervisedSession, block: BlockIndex): void {
    this.#parts.onEvent({ type: "session-recovered", session: session.id, block });
  }

  leave(session: SupervisedSession): void {
    this.#sessions.delete(session);
  }

  async #launch(): Promise<RunningEngine> {
    const { options, clock, onEvent } = this.#parts;
    const channel = this.#parts.openChannel();
    this.#loading = channel;
    const engine = await RunningEngine.start(options, {
      channel,
      clock,
      callDeadline: options.callDeadline,
      onLost: (loss) => this.#lost(channel.pid, loss),
    });
    this.#loading = undefined;
    const { pid, facts } = engine;
    this.#running = engine;
    onEvent({ type: "engine-ready", pid, provider: facts.provider, reason: facts.reason });
    return engine;
  }

  #lost(pid: number, { cause, detail }: EngineLoss): void {
    const { onEvent, clock } = this.#parts;
    onEvent({ type: "engine-lost", pid, cause, detail });
    this.#mend(detail, clock.now());
  }

  /** Let another engine come, if the limits allow. */
  #mend(why: string, since: Millis): void {
    this.#isGivenUp = false;
    this.#engine = this.#replace(why, since);
    this.#engine.catch((error: unknown) => this.#giveUp(toStreamError(error)));
  }

  /** The next engine, after as many tries as the limits allow. */
  async #replace(first: string, since: Millis): Promise<RunningEngine> {
    const { clock, logger } = this.#parts;
    for (let why = first; ; ) {
      const wait = this.#restarts.lost(clock.now());
      if (wait === undefined) throw crashLoop(why, this.#parts.restarts);
      await clock.sleep(wait, this.#life.signal);
      try {
        const engine = await this.#launch();
        void this.#welcome(engine, since);
        return engine;
      } catch (cause) {
        this.#life.signal.throwIfAborted();
        why = toStreamError(cause).message;
        logger.warn({ reason: why }, "engine could not be replaced");
      }
    }
  }

  /** Move every session to the engine that has just come. */
  async #welcome(engine: RunningEngine, since: Millis): Promise<void> {
    const { clock, onEvent } = this.#parts;
    // A session that cannot go on says so to its next caller.
    await Promise.allSettled([...this.#sessions].map((session) => session.moveTo(engine)));
    if (engine.isLost) return;
    onEvent({ type: "engine-replaced", pid: engine.pid, downtime: as(clock.now() - since) });
  }

  #giveUp(error: StreamError): void {
    if (this.#life.signal.aborted) return;
    this.#isGivenUp = true;
    this.#parts.logger.error({ reason: error.message }, "engine given up");
    for (const session of this.#sessions) session.end(error);
  }
}

const crashLoop = (why: string, { most, within }: RestartLimits): StreamError =>
  new StreamError(
    "engine_lost",
    `the engine ended more than ${most} times in ${within / 1000} s, the last time because ${why}`,
    { recovery: "retry" },
  );
