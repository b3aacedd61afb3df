import type { Clock } from "../../src/core/clock.ts";
import { as, type Millis } from "../../src/core/units.ts";
import { CLOSE } from "../../src/protocol/close-codes.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput, MediaWish } from "../../src/protocol/messages.ts";
import { backoff } from "./backoff.ts";
import type { OpenSocket, Socket } from "./socket.ts";

/** A silent connection is asked for a sign of life this often. */
const PING_EVERY: Millis = as(4_000);
/** Silence after which a connection counts as lost, although nobody closed it. */
const SILENCE: Millis = as(10_000);

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
  state(state: LinkState): void;
}

/** What a link is made of. */
export interface LinkParts {
  readonly open: OpenSocket;
  readonly clock: Clock;
  /** In [0, 1): spreads the attempts of many clients. */
  readonly chance: () => number;
}

interface Ticket {
  readonly session: string;
  readonly token: string;
  readonly grace: Millis;
}

/** The message that opens a session, or takes one up again. */
export type Opening = Extract<ClientMessageInput, { type: "session.start" | "session.resume" }>;

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
 * One session's connection, however many sockets it takes: a socket that is lost is replaced with
 * `session.resume` and growing waits, until the server's grace period is over.
 *
 * Lifetime: from construction to `close`, or to the state `closed`. One listener, no duplicates.
 */
export class Link {
  readonly #parts: LinkParts;
  readonly #handlers: LinkHandlers;
  readonly #first: Opening;
  readonly #end = new AbortController();
  #socket: Socket | undefined;
  #ticket: Ticket | undefined;
  #media: Opening["media"];
  /** The server said that the session is over; there is nothing to come back to. */
  #isOver = false;
  #lostAt: Millis | undefined;
  #attempt = 0;
  #heardAt: Millis;

  /** Opens a socket at once and says `first` on it, a `session.start` or `session.resume`. */
  constructor(parts: LinkParts, first: Opening, handlers: LinkHandlers) {
    this.#parts = parts;
    this.#first = first;
    this.#media = first.media;
    this.#handlers = handlers;
    this.#heardAt = parts.clock.now();
    handlers.state({ kind: "connecting" });
    this.#connect();
    void this.#keepAlive();
  }

  /** False when the connection is down and the message was not sent. */
  send(message: ClientMessageInput): boolean {
    return this.#socket?.send(JSON.stringify(message)) ?? false;
  }

  /** Come back on a new socket, asking for `media` in place of what was asked before. */
  renew(media: Partial<MediaWish>): void {
    this.#media = { ...this.#media, ...media };
    this.#drop();
  }

  /** Leave for good. The session is over when `session.stop` was sent before. */
  close(): void {
    if (this.#end.signal.aborted) return;
    this.#socket?.close(CLOSE.done);
    this.#closed(CLOSE.done, "ended");
  }

  #connect(): void {
    const isCurrent = () => this.#socket === socket && !this.#end.signal.aborted;
    const socket: Socket = this.#parts.open({
      opened: () => {
        if (isCurrent()) this.send(this.#greeting());
      },
      text: (data) => {
        if (isCurrent()) this.#received(JSON.parse(data) as ServerEvent);
      },
      binary: (data) => {
        if (!isCurrent()) return;
        this.#heardAt = this.#parts.clock.now();
        this.#handlers.media(data);
      },
      closed: (code) => {
        if (isCurrent()) this.#socketClosed(code);
      },
    });
    this.#socket = socket;
    this.#heardAt = this.#parts.clock.now();
  }

  #greeting(): ClientMessageInput {
    if (this.#ticket === undefined) return this.#first;
    const { session, token } = this.#ticket;
    return { type: "session.resume", session, token, ...(this.#media && { media: this.#media }) };
  }

  #received(event: ServerEvent): void {
    this.#heardAt = this.#parts.clock.now();
    if (event.type === "session.ended") this.#isOver = true;
    if (event.type === "session.created" || event.type === "session.resumed") {
      this.#ticket = { session: event.session, token: event.token, grace: as(event.grace_ms) };
      this.#lostAt = undefined;
      this.#attempt = 0;
      this.#handlers.event(event);
      this.#handlers.state({ kind: "live" });
    } else this.#handlers.event(event);
  }

  #socketClosed(code: number): void {
    this.#socket = undefined;
    if (FINAL.has(code) || this.#isOver || this.#ticket === undefined) {
      this.#closed(code, this.#lostAt === undefined ? "ended" : "lost");
      return;
    }
    void this.#comeBack(code, this.#ticket);
  }

  async #comeBack(code: number, ticket: Ticket): Promise<void> {
    const { clock, chance } = this.#parts;
    this.#lostAt ??= clock.now();
    const until = as<Millis>(this.#lostAt + ticket.grace);
    const wait = backoff(this.#attempt, chance());
    if (clock.now() + wait >= until) {
      this.#closed(code, "lost");
      return;
    }
    this.#attempt += 1;
    this.#handlers.state({ kind: "reconnecting", attempt: this.#attempt, until });
    await clock.sleep(wait, this.#end.signal).catch(() => undefined);
    if (!this.#end.signal.aborted) this.#connect();
  }

  async #keepAlive(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#end.signal.aborted) {
      await clock.sleep(PING_EVERY, this.#end.signal).catch(() => undefined);
      if (clock.now() - this.#heardAt >= SILENCE) this.#drop();
      else this.send({ type: "session.ping" });
    }
  }

  #drop(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socketClosed(CLOSE.goingAway);
    socket.close();
  }

  #closed(code: number, how: "ended" | "lost"): void {
    if (this.#end.signal.aborted) return;
    this.#socket = undefined;
    this.#end.abort();
    this.#handlers.state({ kind: "closed", code, lost: how === "lost" });
  }
}
