import type { Clock } from "../../src/core/clock.ts";
import type { StreamError } from "../../src/core/errors.ts";
import { as, type Millis } from "../../src/core/units.ts";
import { CLOSE } from "../../src/protocol/close-codes.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput, MediaWish } from "../../src/protocol/messages.ts";
import { backoff } from "./backoff.ts";
import type { NetworkSample } from "./network.ts";
import type { Connection, Opening, Ticket, Transport, TransportName } from "./transport.ts";

/** A silent connection is asked for a sign of life this often. */
const PING_EVERY: Millis = as(4_000);
/** Silence after which a connection counts as lost, although nobody closed it. */
const SILENCE: Millis = as(10_000);
const NOW: Millis = as(0);

/** Where a link stands. */
export type LinkState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** The server holds the session until `until`, on the link's clock. */
  | { readonly kind: "reconnecting"; readonly attempt: number; readonly until: Millis }
  /** For good. `lost` means the session could not be reached again within its grace period. */
  | { readonly kind: "closed"; readonly code: number; readonly lost: boolean };

/** Where a link delivers. */
export interface LinkHandlers {
  event(event: ServerEvent): void;
  media(message: ArrayBuffer): void;
  stream(stream: MediaStream): void;
  state(state: LinkState): void;
}

/** What a link is made of. */
export interface LinkParts {
  /** Ways to the server, best first; one that fails gives way to the next for good. */
  readonly transports: readonly Transport[];
  readonly clock: Clock;
  /** In [0, 1): spreads the attempts of many clients. */
  readonly chance: () => number;
}

/** What to come back with, where it is not as before. */
export interface Renewal {
  readonly media?: Partial<MediaWish>;
  readonly transports?: readonly Transport[];
}

/** Close codes after which the server has no session to come back to. */
const FINAL: ReadonlySet<number> = new Set([
  CLOSE.done,
  CLOSE.protocol,
  CLOSE.tryLater,
  CLOSE.sessionEnded,
  CLOSE.idle,
  CLOSE.timeLimit,
  CLOSE.replaced,
  CLOSE.modelLost,
]);

/**
 * One session's connection, however many it takes: one that is lost is replaced with `session.resume`, at once
 * over the next transport where there is one, else with growing waits, until the server's grace period is over.
 *
 * Lifetime: from construction to `close`, or to the state `closed`. One listener, no duplicates.
 */
export class Link {
  readonly #clock: Clock;
  readonly #chance: () => number;
  readonly #handlers: LinkHandlers;
  readonly #first: Opening;
  readonly #end = new AbortController();
  #transports: readonly Transport[];
  #connection: Connection | undefined;
  /** The connection came about: the session answered on it. */
  #isLive = false;
  #wasLive = false;
  #ticket: Ticket | undefined;
  #media: Opening["media"];
  /** The server said that the session is over; there is nothing to come back to. */
  #isOver = false;
  #lostAt: Millis | undefined;
  #attempt = 0;
  #heardAt: Millis;

  /** Connects at once and says `first`, a `session.start` or `session.resume`. */
  constructor({ transports, clock, chance }: LinkParts, first: Opening, handlers: LinkHandlers) {
    this.#transports = transports;
    this.#clock = clock;
    this.#chance = chance;
    this.#first = first;
    this.#media = first.media;
    this.#handlers = handlers;
    this.#heardAt = clock.now();
    handlers.state({ kind: "connecting" });
    this.#connect();
    void this.#keepAlive();
  }

  /** The way to the server that is taken, or tried. */
  get transport(): TransportName | undefined {
    return this.#transports[0]?.name;
  }

  /** False when the connection is down and the message was not sent. */
  send(message: ClientMessageInput): boolean {
    return this.#connection?.send(message) ?? false;
  }

  /** What the network is like by now; undefined where that cannot be told. */
  async measure(): Promise<NetworkSample | undefined> {
    return this.#connection?.measure();
  }

  /** Come back on a new connection, with what `change` names in place of what was there before. */
  renew({ media, transports = this.#transports }: Renewal): void {
    this.#media = { ...this.#media, ...media };
    this.#transports = transports;
    const connection = this.#connection;
    if (connection === undefined || this.#ticket === undefined) return;
    this.#connection = undefined;
    connection.close();
    void this.#comeBack(CLOSE.goingAway, this.#ticket, NOW);
  }

  /** Leave for good. The session is over when `session.stop` was sent before. */
  close(): void {
    if (this.#end.signal.aborted) return;
    this.#connection?.close(CLOSE.done);
    this.#closed(CLOSE.done, "ended");
  }

  #connect(): void {
    const [transport] = this.#transports;
    if (transport === undefined) return;
    const guard =
      <Args extends unknown[]>(deliver: (...args: Args) => void) =>
      (...args: Args) => {
        if (this.#connection === connection && !this.#end.signal.aborted) deliver(...args);
      };
    const connection: Connection = transport.open(this.#greeting(), {
      ticket: guard((ticket) => {
        this.#ticket = ticket;
      }),
      event: guard((event) => {
        this.#received(event);
      }),
      media: guard((message) => {
        this.#heardAt = this.#clock.now();
        this.#handlers.media(message);
      }),
      stream: guard((stream) => {
        this.#handlers.stream(stream);
      }),
      closed: guard((code, error) => {
        this.#lost(code, error);
      }),
    });
    this.#connection = connection;
    this.#isLive = false;
    this.#heardAt = this.#clock.now();
  }

  #greeting(): Opening {
    if (this.#ticket === undefined) return this.#first;
    const { session, token } = this.#ticket;
    return { type: "session.resume", session, token, ...(this.#media && { media: this.#media }) };
  }

  #received(event: ServerEvent): void {
    this.#heardAt = this.#clock.now();
    if (event.type === "session.ended") this.#isOver = true;
    if (event.type === "session.created" || event.type === "session.resumed") {
      this.#ticket = { session: event.session, token: event.token, grace: as(event.grace_ms) };
      this.#isLive = true;
      this.#wasLive = true;
      this.#lostAt = undefined;
      this.#attempt = 0;
      this.#handlers.event(event);
      this.#handlers.state({ kind: "live" });
    } else this.#handlers.event(event);
  }

  #lost(code: number, error?: StreamError): void {
    const wasLive = this.#isLive;
    this.#connection = undefined;
    this.#isLive = false;
    const [, ...others] = this.#transports;
    const isFinal = FINAL.has(code) || this.#isOver;
    if (!isFinal && others.length > 0) {
      this.#transports = others;
      if (wasLive && this.#ticket !== undefined) void this.#comeBack(code, this.#ticket, NOW);
      else this.#connect();
      return;
    }
    if (isFinal || this.#ticket === undefined || !this.#wasLive) {
      if (error !== undefined) this.#handlers.event({ type: "error", error: error.serialise() });
      this.#closed(code, this.#lostAt === undefined ? "ended" : "lost");
      return;
    }
    void this.#comeBack(code, this.#ticket, backoff(this.#attempt, this.#chance()));
  }

  async #comeBack(code: number, ticket: Ticket, wait: Millis): Promise<void> {
    this.#lostAt ??= this.#clock.now();
    const until = as<Millis>(this.#lostAt + ticket.grace);
    if (this.#clock.now() + wait >= until) {
      this.#closed(code, "lost");
      return;
    }
    this.#attempt += 1;
    this.#handlers.state({ kind: "reconnecting", attempt: this.#attempt, until });
    if (wait > 0) await this.#clock.sleep(wait, this.#end.signal).catch(() => undefined);
    if (!this.#end.signal.aborted) this.#connect();
  }

  async #keepAlive(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#clock.sleep(PING_EVERY, this.#end.signal).catch(() => undefined);
      const isQuiet = this.#clock.now() - this.#heardAt >= SILENCE;
      if (isQuiet && !this.#isConnectingByItself()) this.#drop();
      else this.send({ type: "session.ping" });
    }
  }

  #isConnectingByItself(): boolean {
    return !this.#isLive && this.#transports[0]?.givesUp === true;
  }

  #drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#lost(CLOSE.goingAway);
    connection.close();
  }

  #closed(code: number, how: "ended" | "lost"): void {
    if (this.#end.signal.aborted) return;
    this.#connection = undefined;
    this.#end.abort();
    this.#handlers.state({ kind: "closed", code, lost: how === "lost" });
  }
}
