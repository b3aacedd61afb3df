import { StreamError, toStreamError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ModelCache } from "../models/model.ts";
import type {
  EngineEvent,
  EngineOptions,
  EngineSession,
  SessionOptions,
} from "../stream/engine/contract.ts";
import type { OfferedModel } from "./models.ts";

/** What the server needs of a running engine. */
export interface RunningEngine {
  /** What sessions may choose of their caches there, and what they begin with. */
  readonly cache: ModelCache;
  open(options: SessionOptions): Promise<EngineSession>;
  close(): Promise<void>;
}

/** Starts an engine for one package. */
export type StartEngine = (
  options: EngineOptions,
  onEvent: (event: EngineEvent) => void,
  logger: Logger,
) => Promise<RunningEngine>;

/** Where an engine of a model stands. */
export type EngineState = "cold" | "starting" | "ready" | "failed";

/** What every engine is started with. */
export interface EnginesOptions {
  readonly start: StartEngine;
  readonly run: Omit<EngineOptions, "packagePath">;
  readonly logger: Logger;
  readonly onEvent: (event: EngineEvent) => void;
}

interface Entry {
  readonly engine: Promise<RunningEngine>;
  state: EngineState;
}

/**
 * One engine for each model that somebody asked for, started when it is first needed.
 *
 * Lifetime: until `close`. A start that failed is tried again by the next one who asks.
 */
export class Engines {
  readonly #options: EnginesOptions;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(options: EnginesOptions) {
    this.#options = options;
  }

  state(model: OfferedModel): EngineState {
    return this.#entries.get(model.id)?.state ?? "cold";
  }

  /**
   * The engine of `model`, ready.
   *
   * @throws {StreamError} the reason it could not be started.
   */
  ready(model: OfferedModel): Promise<RunningEngine> {
    if (this.#isClosed) {
      return Promise.reject(new StreamError("engine_lost", "the server is shutting down"));
    }
    const known = this.#entries.get(model.id);
    if (known !== undefined && known.state !== "failed") return known.engine;
    const entry: Entry = { engine: this.#start(model), state: "starting" };
    this.#entries.set(model.id, entry);
    entry.engine.then(
      () => (entry.state = "ready"),
      () => (entry.state = "failed"),
    );
    return entry.engine;
  }

  /** End every engine, those that are starting too. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const engines = await Promise.allSettled([...this.#entries.values()].map((e) => e.engine));
    const running = engines.filter((each) => each.status === "fulfilled");
    await Promise.all(running.map(({ value }) => value.close()));
  }

  async #start(model: OfferedModel): Promise<RunningEngine> {
    const { start, run, onEvent } = this.#options;
    const logger = this.#options.logger.child({ model: model.id });
    const observe = (event: EngineEvent) => {
      logEvent(event, logger);
      onEvent(event);
    };
    try {
      return await start({ ...run, packagePath: model.modelPackage.path }, observe, logger);
    } catch (cause) {
      const error = toStreamError(cause, "engine_lost", "retry");
      logger.error({ code: error.code, reason: error.message }, "engine could not be started");
      throw error;
    }
  }
}

function logEvent(event: EngineEvent, logger: Logger): void {
  switch (event.type) {
    case "engine-ready": {
      const { pid, provider, reason } = event;
      logger.info({ pid, provider, reason }, "engine ready");
      return;
    }
    case "engine-lost": {
      const { pid, cause, detail } = event;
      logger.warn({ pid, cause, detail }, "engine lost");
      return;
    }
    case "engine-replaced":
      logger.warn({ pid: event.pid, downtime: event.downtime }, "engine replaced");
      return;
    case "session-recovered":
      // The session's own event says so.
      return;
  }
}
