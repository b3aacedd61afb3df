import { randomInt } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { StreamError, toStreamError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { as, type Millis } from "../core/units.ts";
import type { Synthesise } from "../media/synthesiser.ts";
import type { SessionRequest } from "../protocol/messages.ts";
import type { EngineSession } from "../stream/engine/contract.ts";
import type { SessionEnd, SessionEvent } from "../stream/events.ts";
import type { SessionLimits } from "../stream/limits.ts";
import {
  changeParameters,
  defaultParameters,
  type Parameters,
  requireStart,
} from "../stream/parameters.ts";
import { Session } from "../stream/session.ts";
import type { AddressLimits } from "./address-limits.ts";
import { inProtocolWords } from "./cache-messages.ts";
import type { Engines, RunningEngine } from "./engines.ts";
import { parameterChangeOf } from "./event-messages.ts";
import { HostedSession, type Role } from "./hosted-session.ts";
import type { FindPicture } from "./library/pictures.ts";
import type { ServerMetrics } from "./metrics.ts";
import { type Models, type OfferedModel, withCache } from "./models.ts";
import { randomId, randomSecret } from "./secrets.ts";

/** What sessions are made from, and within which bounds. */
export interface SessionsOptions {
  readonly models: Models;
  readonly engines: Engines;
  readonly limits: SessionLimits;
  /** Most sessions at once, those that are being opened included. */
  readonly most: number;
  /** How often one address may open one; as often as it likes when absent. */
  readonly rate?: AddressLimits | undefined;
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
  /** Says texts. */
  readonly synthesise: Synthesise;
  /** Finds the pictures that clients uploaded. */
  readonly findPicture: FindPicture;
  /** Told of every session that is opened. */
  readonly opened: (hosted: HostedSession) => void;
}

/** A session, and what somebody may do there. */
export interface Entrance {
  readonly hosted: HostedSession;
  readonly role: Role;
}

/** When a client that was refused may try again. */
export const RETRY_AFTER: Millis = as(5_000);
/** Most members of one session that only watch. */
const MOST_VIEWERS = 64;
/** Seeds that are drawn for clients that name none. */
const SEEDS = 2 ** 32;

/** Every session of this server. */
export class Sessions {
  readonly limits: SessionLimits;
  readonly #options: SessionsOptions;
  readonly #hosted = new Map<string, HostedSession>();
  #opening = 0;
  #isClosed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.limits = options.limits;
  }

  get all(): readonly HostedSession[] {
    return [...this.#hosted.values()];
  }

  /** Sessions that could be opened at this moment. */
  get free(): number {
    return this.#isClosed ? 0 : this.#options.most - this.#hosted.size - this.#opening;
  }

  /**
   * Open a session for a client at `address`; its grace period runs until somebody joins it.
   *
   * @throws {StreamError} `unknown_model`, `unknown_start`, `bad_parameter`, `session_limit`, `rate_limited`, or
   *   the reason why the engine has none to give.
   */
  async create(request: SessionRequest, address: string): Promise<HostedSession> {
    const { metrics } = this.#options;
    try {
      const hosted = await this.#create(request, address);
      metrics.starts.add(1, { result: "ok" });
      return hosted;
    } catch (cause) {
      const error = toStreamError(cause);
      metrics.starts.add(1, { result: error.code });
      throw error;
    }
  }

  /** @throws {StreamError} `unknown_session`. */
  find(id: string): HostedSession {
    const hosted = this.#hosted.get(id);
    if (hosted !== undefined) return hosted;
    throw new StreamError("unknown_session", "there is no such session, or it ended");
  }

  /**
   * The session `id`, and what a client that knows `secret` may do there.
   *
   * @throws {StreamError} `unknown_session`, the same for a wrong secret.
   */
  enter(id: string, secret: string): Entrance {
    const hosted = this.find(id);
    const role = hosted.roleOf(secret);
    if (role !== undefined) return { hosted, role };
    throw new StreamError("unknown_session", "there is no such session, or it ended");
  }

  /** End every session, and open no more. */
  async close(reason: SessionEnd): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.all.map(({ session }) => session.end(reason)));
  }

  async #create(request: SessionRequest, address: string): Promise<HostedSession> {
    const model = this.#options.models.get(request.model);
    const seed = randomInt(SEEDS);
    // What makes no sense is refused before an engine is asked.
    parametersOf(request, model, seed);
    this.#admit(address);
    this.#opening += 1;
    try {
      const engine = await this.#options.engines.ready(model);
      const here = withCache(model, engine.cache);
      const parameters = parametersOf(request, here, seed);
      const session = await open(engine, request, parameters);
      return await this.#host(session, here, parameters);
    } finally {
      this.#opening -= 1;
    }
  }

  #admit(address: string): void {
    const { most, rate } = this.#options;
    if (this.free <= 0) {
      const why = this.#isClosed
        ? "the server is shutting down"
        : `all ${most} sessions are in use`;
      throw new StreamError("session_limit", `${why}; try again later`, {
        recovery: "retry",
        detail: { limit: most, retry_after_ms: RETRY_AFTER },
      });
    }
    const wait = rate?.take(address);
    if (wait === undefined) return;
    const seconds = Math.ceil(wait / 1000);
    throw new StreamError(
      "rate_limited",
      `too many sessions were opened from this address; try again in ${seconds} s`,
      { recovery: "retry", detail: { retry_after_ms: wait } },
    );
  }

  async #host(
    engine: EngineSession,
    model: OfferedModel,
    parameters: Parameters,
  ): Promise<HostedSession> {
    if (this.#isClosed) {
      await engine.close();
      throw new StreamError("session_ended", "the server is shutting down");
    }
    const { limits, clock, logger, synthesise, findPicture } = this.#options;
    const session = new Session({ engine, model: model.session, parameters, limits, clock });
    const hosted = new HostedSession({
      session,
      model,
      token: randomSecret(),
      viewerToken: randomSecret(),
      synthesise,
      findPicture,
      mostViewers: MOST_VIEWERS,
    });
    this.#hosted.set(hosted.id, hosted);
    const log = logger.child({ session: hosted.id, model: model.id });
    log.info({}, "session created");
    this.#watch(hosted, log);
    this.#options.opened(hosted);
    return hosted;
  }

  #watch({ session }: HostedSession, log: Logger): void {
    // Failures come as the session's event `failed`; its streams then complete or end with the same error.
    const error = () => undefined;
    session.events$.subscribe({
      next: (event) => {
        this.#observe(event, log);
        if (event.type === "ended") this.#hosted.delete(session.id);
      },
      error,
    });
    session.pictures$.subscribe({
      next: () => {
        this.#options.metrics.frames.add(1, { what: "made" });
      },
      error,
    });
  }

  #observe(event: SessionEvent, log: Logger): void {
    const { metrics } = this.#options;
    switch (event.type) {
      case "report":
        metrics.frames.add(event.report.late.frames, { what: "late" });
        if (event.report.fps > 0) metrics.blockTime.observe(event.report.blockTime.p50 / 1000);
        return;
      case "state-change":
        if (event.state !== "ended") log.info({ state: event.state }, "session changed state");
        return;
      case "generation-recovered":
        log.warn({ block: event.at.block }, "session recovered after its engine was lost");
        return;
      case "failed":
        log.error({ code: event.error.code, reason: event.error.message }, "session failed");
        return;
      case "ended":
        metrics.ends.add(1, { reason: event.reason });
        log.info({ reason: event.reason, frames: event.frames }, "session ended");
        return;
      case "speech-failed":
        log.warn({ code: event.error.code, reason: event.error.message }, "speech failed");
        return;
      case "cache-refused":
        log.warn({ reason: event.error.message }, "engine refused a cache's choice");
        return;
      default:
        // The rest is for clients.
        return;
    }
  }
}

const open = (
  engine: RunningEngine,
  { start, markers }: SessionRequest,
  { seed, cache }: Parameters,
): Promise<EngineSession> =>
  engine.open({ id: randomId(), seed, ...(start !== undefined && { start }), cache, markers });

function parametersOf(
  { start, parameters }: SessionRequest,
  { session }: OfferedModel,
  seed: number,
): Parameters {
  requireStart(start, session);
  const defaults = defaultParameters(session, seed);
  const change = parameterChangeOf(parameters);
  return inProtocolWords(() => changeParameters(defaults, change, session), "parameters");
}
