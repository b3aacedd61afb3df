/** Builds the server from its parts: the one place where stream meets transport. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import fastifyStatic from "@fastify/static";
import { type FastifyInstance, fastify } from "fastify";
import type { Clock } from "../core/clock.ts";
import { StreamError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { as, type Millis } from "../core/units.ts";
import type { EngineEvent } from "../stream/engine/contract.ts";
import { type Refusal, WebSocketEndpoint } from "../transport/websocket/endpoint.ts";
import type { Peer } from "../transport/websocket/peer.ts";
import { type AccessRules, accessRules, refuseRequest } from "./access.ts";
import type { Config } from "./config.ts";
import { Conversation } from "./conversation.ts";
import { Engines, type StartEngine } from "./engines.ts";
import { guard } from "./http/access-hooks.ts";
import { answerErrors, sendError } from "./http/errors.ts";
import { modelRoutes } from "./http/model-routes.ts";
import { operationRoutes } from "./http/operation-routes.ts";
import { SOCKET_PATH, sessionRoutes } from "./http/session-routes.ts";
import { ServerMetrics } from "./metrics.ts";
import type { Models, OfferedModel } from "./models.ts";
import { Sessions } from "./sessions.ts";

/** What a server is made of. */
export interface ServerParts {
  readonly config: Config;
  readonly models: Models;
  readonly startEngine: StartEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder of the built console; no page is served when absent. */
  readonly console?: string;
}

/** Bytes of a request's body. */
const BODY_LIMIT = 16_384;
/** A request that takes longer to arrive is given up. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Connections beyond those that sessions can use: clients that are just arriving, or being refused. */
const SPARE_CONNECTIONS = 64;
const TOO_MANY: Refusal = {
  status: 503,
  error: new StreamError("session_limit", "no more connections at this time", {
    recovery: "retry",
  }),
};
/** How long sessions and clients may take to end in order. */
const GOODBYE_TIME: Millis = as(2_000);

/**
 * A running server.
 *
 * Lifetime: from `start` until `close`, which ends every session and engine.
 */
export class ZoetropeServer {
  readonly sessions: Sessions;
  readonly engines: Engines;
  readonly metrics = new ServerMetrics();
  /** Models that are loaded before anybody asks. */
  readonly preloaded: readonly OfferedModel[];
  readonly #parts: ServerParts;
  readonly #http: FastifyInstance;
  readonly #endpoint: WebSocketEndpoint;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 10 });
  #closing: Promise<void> | undefined;

  /** @throws {StreamError} `unknown_model` when a model that should be loaded at start is not there. */
  constructor(parts: ServerParts) {
    const { config, models, clock, logger } = parts;
    const { metrics } = this;
    this.#parts = parts;
    this.preloaded = modelsToPreload(config, models);
    this.engines = this.#openEngines();
    this.sessions = new Sessions({
      models,
      engines: this.engines,
      limits: {
        idle: as(config.idle * 1000),
        longest: as(config.longest * 1000),
        grace: as(config.grace * 1000),
      },
      most: config.sessions,
      clock,
      metrics,
      logger,
    });
    const rules = accessRules(config);
    this.#http = this.#openHttp(rules);
    this.#endpoint = this.#openEndpoint(rules);
    this.#loopDelay.enable();
  }

  /**
   * Begin to listen; returns the address to open in a browser.
   *
   * @throws {StreamError} `config_invalid` when the address or port cannot be had.
   */
  async listen(): Promise<URL> {
    const { host, port } = this.#parts.config;
    try {
      await this.#http.listen({ host, port });
    } catch (cause) {
      throw cannotListen(host, port, cause);
    }
    const [address] = this.#http.addresses();
    return addressOf(host, typeof address === "object" ? address.port : port);
  }

  /** Tell every client goodbye, end every session, stop every engine. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const goodbyes = [
      this.sessions.close("shutdown"),
      this.#endpoint.goodbye("the server is shutting down"),
    ];
    const patience = new AbortController();
    const enough = this.#parts.clock.sleep(GOODBYE_TIME, patience.signal).catch(() => undefined);
    await Promise.race([Promise.all(goodbyes), enough]);
    patience.abort();
    this.#endpoint.close();
    await this.#http.close();
    await this.engines.close();
    this.#loopDelay.disable();
  }

  #openEngines(): Engines {
    const { config, startEngine, logger } = this.#parts;
    return new Engines({
      start: startEngine,
      run: {
        provider: config.provider,
        ...(config.threads !== undefined && { intraOpThreads: config.threads }),
        callDeadline: as(config.deadline * 1000),
      },
      logger,
      onEvent: (event) => {
        this.#engineChanged(event);
      },
    });
  }

  #engineChanged(event: EngineEvent): void {
    this.metrics.engines.add(1, { type: event.type });
    if (event.type !== "session-recovered") return;
    this.sessions.all.find(({ id }) => id === event.session)?.session.recovered();
  }

  #openHttp(rules: AccessRules): FastifyInstance {
    const { models, logger, console } = this.#parts;
    const http = fastify({
      bodyLimit: BODY_LIMIT,
      forceCloseConnections: true,
      requestTimeout: REQUEST_TIMEOUT_MS,
      routerOptions: { maxParamLength: 128 },
      // What cannot even be routed, such as a path that is not encoded rightly.
      frameworkErrors: ({ message }, _request, reply) => {
        void sendError(reply, new StreamError("bad_request", message), 400);
      },
    });
    guard(http, rules);
    answerErrors(http, logger);
    modelRoutes(http, models);
    sessionRoutes(http, this.sessions);
    operationRoutes(http, {
      sessions: this.sessions,
      engines: this.engines,
      metrics: this.metrics,
      preloaded: this.preloaded,
      isDraining: () => this.#closing !== undefined,
      eventLoopDelay: () => this.#takeLoopDelay(),
    });
    if (console !== undefined) http.register(fastifyStatic, { root: console });
    return http;
  }

  #openEndpoint(rules: AccessRules): WebSocketEndpoint {
    const { clock, logger, models, config } = this.#parts;
    const { sessions, metrics } = this;
    return new WebSocketEndpoint(this.#http.server, {
      path: SOCKET_PATH,
      clock,
      admit: ({ headers }) =>
        this.#isFull(config.sessions) ? TOO_MANY : refuseRequest(headers, rules),
      accept: (peer: Peer) => new Conversation(peer, { sessions, models, clock, metrics, logger }),
    });
  }

  #isFull(sessions: number): boolean {
    return this.#closing !== undefined || this.#endpoint.peers >= sessions + SPARE_CONNECTIONS;
  }

  #takeLoopDelay(): number {
    const seconds = this.#loopDelay.percentile(99) / 1e9;
    this.#loopDelay.reset();
    return seconds;
  }
}

function modelsToPreload({ preload }: Config, models: Models): OfferedModel[] {
  if (preload !== undefined) return preload.map((id) => models.get(id));
  return models.offered.slice(0, 1);
}

const addressOf = (host: string, port: number): URL => {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return new URL(`http://${name.includes(":") ? `[${name}]` : name}:${port}/`);
};

function cannotListen(host: string, port: number, cause: unknown): StreamError {
  const code = (cause as { readonly code?: string }).code ?? "unknown";
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is in use: stop the other program, or choose another with --port`,
    EACCES: `port ${port} needs more rights: choose one above 1023 with --port`,
    EADDRNOTAVAIL: `${host} is not an address of this machine: choose another with --host`,
    ENOTFOUND: `${host} is not a known name: choose another with --host`,
  };
  return new StreamError(
    "config_invalid",
    advice[code] ?? `cannot listen on ${host}:${port}: ${code}`,
    {
      cause,
      detail: { setting: code === "EADDRINUSE" || code === "EACCES" ? "port" : "host" },
    },
  );
}
