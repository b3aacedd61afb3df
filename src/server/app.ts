/** Builds the server from its parts: the one place where stream meets transport. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import fastifyStatic from "@fastify/static";
import { type FastifyInstance, fastify } from "fastify";
import type { Clock } from "../core/clock.ts";
import { StreamError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { as, type Millis } from "../core/units.ts";
import { espeak } from "../media/speech/espeak.ts";
import type { Synthesise } from "../media/synthesiser.ts";
import type { EngineEvent } from "../stream/engine/contract.ts";
import type { AnswerPublisher, AnswerViewer, RtcNetwork } from "../transport/webrtc/contract.ts";
import { RtcReceiver } from "../transport/webrtc/receiver.ts";
import { RtcViewer } from "../transport/webrtc/viewer.ts";
import { offerToViewer } from "../transport/webrtc/viewer-offer.ts";
import { type Refusal, WebSocketEndpoint } from "../transport/websocket/endpoint.ts";
import type { Peer } from "../transport/websocket/peer.ts";
import { type AccessRules, accessRules, refuseRequest } from "./access.ts";
import { AddressLimits } from "./address-limits.ts";
import type { Config } from "./config.ts";
import { Conversation } from "./conversation.ts";
import { Engines, type StartEngine } from "./engines.ts";
import { guard } from "./http/access-hooks.ts";
import { answerErrors, sendError } from "./http/errors.ts";
import { modelRoutes } from "./http/model-routes.ts";
import { operationRoutes } from "./http/operation-routes.ts";
import { publicationRoutes } from "./http/publication-routes.ts";
import { recordingRoutes } from "./http/recording-routes.ts";
import { SOCKET_PATH, sessionRoutes } from "./http/session-routes.ts";
import { uploadRoutes } from "./http/upload-routes.ts";
import { whepRoutes } from "./http/whep-routes.ts";
import { whipRoutes } from "./http/whip-routes.ts";
import { Ingress } from "./ingress/ingress.ts";
import { Library } from "./library/library.ts";
import { pictureIn } from "./library/pictures.ts";
import { ServerMetrics } from "./metrics.ts";
import type { Models, OfferedModel } from "./models.ts";
import { Publications } from "./publications/publications.ts";
import { WhipClient } from "./publications/whip-client.ts";
import { clientTargets, rtcNetwork } from "./rtc-network.ts";
import { Sessions } from "./sessions.ts";
import { rtcViewers } from "./viewers/rtc-viewer.ts";

/** What a server is made of. */
export interface ServerParts {
  readonly config: Config;
  readonly models: Models;
  readonly startEngine: StartEngine;
  /** Answers players' WebRTC offers; over the network when absent. */
  readonly answerViewer?: AnswerViewer;
  /** Says texts; eSpeak NG when absent. */
  readonly synthesise?: Synthesise;
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
  /** What comes into sessions from outside. */
  readonly ingress: Ingress;
  /** Models that are loaded before anybody asks. */
  readonly preloaded: readonly OfferedModel[];
  readonly #parts: ServerParts;
  readonly #network: RtcNetwork;
  readonly #http: FastifyInstance;
  readonly #endpoint: WebSocketEndpoint;
  readonly #library: Library;
  readonly #publications: Publications;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 10 });
  #closing: Promise<void> | undefined;

  /** @throws {StreamError} `unknown_model` when a model that should be loaded at start is not there. */
  constructor(parts: ServerParts) {
    const { config, models, clock, logger, synthesise = espeak } = parts;
    const { metrics } = this;
    this.#parts = parts;
    this.preloaded = modelsToPreload(config, models);
    this.engines = this.#openEngines();
    this.#library = new Library(config, clock, logger);
    this.sessions = new Sessions({
      models,
      engines: this.engines,
      limits: {
        idle: as(config.idle * 1000),
        longest: as(config.longest * 1000),
        grace: as(config.grace * 1000),
      },
      most: config.sessions,
      rate: addressLimits(config, clock),
      clock,
      metrics,
      logger,
      synthesise,
      findPicture: pictureIn(this.#library.uploads),
      opened: (hosted) => this.#library.opened(hosted),
    });
    this.#network = rtcNetwork(config, clock);
    this.ingress = new Ingress({ answer: answerPublisher, network: this.#network, clock });
    this.#publications = this.#openPublications();
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
    await this.#patiently([
      this.sessions.close("shutdown"),
      this.#publications.close(),
      this.#endpoint.goodbye("the server is shutting down"),
    ]);
    this.#endpoint.close();
    await this.#http.close();
    await this.engines.close();
    await this.#patiently([this.#library.close()]);
    this.#loopDelay.disable();
  }

  /** Wait for the ends of all, as long as they may take. */
  async #patiently(ends: readonly Promise<void>[]): Promise<void> {
    const patience = new AbortController();
    const enough = this.#parts.clock.sleep(GOODBYE_TIME, patience.signal).catch(() => undefined);
    await Promise.race([Promise.all(ends), enough]);
    patience.abort();
  }

  #openPublications(): Publications {
    const { config, clock, logger } = this.#parts;
    const { metrics } = this;
    const { limits } = this.sessions;
    const origins = new Set(config.publishTo.map((url) => new URL(url).origin));
    return new Publications({
      viewers: { network: this.#network, limits, clock, metrics, logger },
      offer: offerToViewer,
      client: new WhipClient({ clock, origins }),
      clock,
      logger,
    });
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
    recordingRoutes(http, { sessions: this.sessions, library: this.#library });
    uploadRoutes(http, this.#library.uploads);
    publicationRoutes(http, { sessions: this.sessions, publications: this.#publications });
    operationRoutes(http, {
      sessions: this.sessions,
      engines: this.engines,
      metrics: this.metrics,
      preloaded: this.preloaded,
      isDraining: () => this.#closing !== undefined,
      eventLoopDelay: () => this.#takeLoopDelay(),
    });
    this.#serveWebRtc(http);
    if (console !== undefined) http.register(fastifyStatic, { root: console });
    return http;
  }

  #serveWebRtc(http: FastifyInstance): void {
    const { config, clock, logger, answerViewer = answerPlayer } = this.#parts;
    const { sessions, metrics, ingress } = this;
    const { limits } = sessions;
    const network = this.#network;
    const shared = { sessions, iceServers: network.iceServers, targets: clientTargets(config) };
    whepRoutes(http, {
      ...shared,
      open: rtcViewers({ answer: answerViewer, network, limits, clock, metrics, logger }),
      most: config.viewers,
    });
    whipRoutes(http, { ...shared, ingress, most: config.sessions });
  }

  #openEndpoint(rules: AccessRules): WebSocketEndpoint {
    const { clock, logger, config } = this.#parts;
    const { sessions, metrics } = this;
    return new WebSocketEndpoint(this.#http.server, {
      path: SOCKET_PATH,
      clock,
      admit: ({ headers }) =>
        this.#isFull(config.sessions + config.viewers) ? TOO_MANY : refuseRequest(headers, rules),
      accept: (peer: Peer, address) =>
        new Conversation(peer, { address, sessions, clock, metrics, logger }),
    });
  }

  #isFull(clients: number): boolean {
    return this.#closing !== undefined || this.#endpoint.peers >= clients + SPARE_CONNECTIONS;
  }

  #takeLoopDelay(): number {
    const seconds = this.#loopDelay.percentile(99) / 1e9;
    this.#loopDelay.reset();
    return seconds;
  }
}

const answerPlayer: AnswerViewer = (...given) => RtcViewer.answer(...given);
const answerPublisher: AnswerPublisher = (...given) => RtcReceiver.answer(...given);

function modelsToPreload({ preload }: Config, models: Models): OfferedModel[] {
  if (preload !== undefined) return preload.map((id) => models.get(id));
  return models.offered.slice(0, 1);
}

const addressLimits = ({ sessionRate }: Config, clock: Clock): AddressLimits | undefined =>
  sessionRate === 0
    ? undefined
    : new AddressLimits(clock, { perSecond: sessionRate / 60, burst: sessionRate });

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
