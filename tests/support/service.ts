/** A listening server and real WebSocket clients of it. */

import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/log.ts";
import type { Synthesise } from "../../src/media/synthesiser.ts";
import { loadPackage } from "../../src/models/package.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { decodeMediaFrame, type MediaFrame } from "../../src/protocol/media-frame.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import { ZoetropeServer } from "../../src/server/app.ts";
import { resolveConfig } from "../../src/server/config.ts";
import type { StartEngine } from "../../src/server/engines.ts";
import { findModels, type LoadPackage } from "../../src/server/models.ts";
import type { AnswerViewer } from "../../src/transport/webrtc/contract.ts";

/** The packages that tests are served. */
export const FIXTURES = fileURLToPath(new URL("../fixtures", import.meta.url));

/** How long a condition may take to become true before a test gives up. */
const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 5;

/** Wait until `condition` holds, at most `patience` milliseconds. */
export async function until(
  condition: () => boolean,
  what: string,
  patience = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What a test decides about its server. */
export interface ServiceOptions {
  readonly startEngine: StartEngine;
  readonly answerViewer?: AnswerViewer;
  /** Reads packages; as they are when absent. */
  readonly load?: LoadPackage;
  /** Says texts; eSpeak NG when absent. */
  readonly synthesise?: Synthesise;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
}

/** A server that listens on a free port; disposing it closes it. */
export class Service implements AsyncDisposable {
  readonly server: ZoetropeServer;
  readonly address: URL;

  private constructor(server: ZoetropeServer, address: URL) {
    this.server = server;
    this.address = address;
  }

  static async start({
    startEngine,
    answerViewer,
    load = loadPackage,
    synthesise,
    config = {},
    clock = systemClock,
  }: ServiceOptions): Promise<Service> {
    const resolved = resolveConfig({
      // All clients of a test have one address.
      flags: {
        port: 0,
        models: [FIXTURES],
        preload: ["tiny-separable"],
        sessionRate: 0,
        ...config,
      },
      environment: {},
    });
    const models = await findModels(resolved.config.models, load);
    const server = new ZoetropeServer({
      config: resolved.config,
      models,
      startEngine,
      ...(answerViewer !== undefined && { answerViewer }),
      ...(synthesise !== undefined && { synthesise }),
      clock,
      logger: silentLogger,
    });
    return new Service(server, await server.listen());
  }

  /** The socket's address. */
  get socket(): URL {
    const url = new URL("/v1/realtime", this.address);
    url.protocol = "ws:";
    return url;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(new URL(path, this.address), init);
  }

  /** A client whose connection is open. */
  async connect(options: ClientOptions = {}): Promise<Client> {
    const client = new Client(this.socket, options);
    await client.opened;
    return client;
  }

  /** A client with a session. */
  async play(start: Partial<StartMessage> = {}, options: ClientOptions = {}): Promise<Client> {
    const client = await this.connect(options);
    client.send({ type: "session.start", model: "tiny-separable", ...start });
    await client.event("session.created");
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

type StartMessage = Extract<ClientMessageInput, { type: "session.start" }>;

type Members<E, T> = E extends { readonly type: infer Name } ? (T extends Name ? E : never) : never;
/** The events that can be of type `T`. */
type EventOf<T extends ServerEvent["type"]> = Members<ServerEvent, T>;

/** How a client behaves. */
export interface ClientOptions {
  /** Acknowledge every frame as it comes; true when absent. */
  readonly acknowledge?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** A WebSocket client that remembers everything it was sent. */
export class Client {
  readonly socket: WebSocket;
  readonly events: ServerEvent[] = [];
  readonly media: MediaFrame[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  acknowledge: boolean;
  /** Set once the connection is gone. */
  closeCode: number | undefined;

  constructor(url: URL, options: ClientOptions = {}) {
    const { acknowledge = true, headers = {}, protocols = ["zoetrope.v1"] } = options;
    this.acknowledge = acknowledge;
    this.socket = new WebSocket(url, [...protocols], { headers });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code, reason) => {
        this.closeCode = code;
        resolve({ code, reason: reason.toString() });
      });
    });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#picture(data);
      else this.events.push(JSON.parse(data.toString()) as ServerEvent);
    });
  }

  send(message: ClientMessageInput): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first event of this type that `matches`, past or future. */
  async event<T extends ServerEvent["type"]>(
    type: T,
    matches: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    const find = () =>
      this.events.find((event) => event.type === type && matches(event as EventOf<T>));
    await until(
      () => find() !== undefined,
      `${type}; got ${this.events.map((e) => e.type).join()}`,
    );
    return find() as EventOf<T>;
  }

  /** Wait until `count` more frames have come. */
  async frames(count: number): Promise<void> {
    const wanted = this.media.length + count;
    await until(() => this.media.length >= wanted, `${count} frames`);
  }

  /** The error the server answered with. */
  async error(code: string): Promise<void> {
    await this.event("error", ({ error }) => error.code === code);
  }

  /** Cut the connection, as a lost network does. */
  cut(): void {
    this.socket.terminate();
  }

  #picture(data: Buffer): void {
    const frame = decodeMediaFrame(data);
    this.media.push(frame);
    if (this.acknowledge) this.send({ type: "media.ack", sequence: frame.header.sequence });
  }
}
