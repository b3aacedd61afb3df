import { WebSocket } from "ws";
import type { Clock } from "../../core/clock.ts";
import { type StreamError, toStreamError } from "../../core/errors.ts";
import { as, type Bytes, type Millis } from "../../core/units.ts";
import { CLOSE, type CloseCode, closeCodeFor } from "../../protocol/close-codes.ts";
import type { ServerEvent } from "../../protocol/events.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import { errorEvent, MessageGate, type Verdict } from "../message-gate.ts";
import type { MediaSink } from "../send-queue.ts";

/** Where a peer delivers. Nothing is called after `closed`. */
export interface PeerHandlers {
  message(message: ClientMessage): void;
  /** A message was refused; the client has been told. */
  refused(error: StreamError): void;
  /** The connection is gone, whoever ended it. */
  closed(): void;
}

/** A peer is asked for a sign of life this often. */
const PING_EVERY: Millis = as(5_000);
/** Silence after which a connection counts as lost. */
const SILENCE: Millis = as(15_000);
/** What may wait in this process for a client that does not read; more ends the connection. */
const MOST_BUFFERED: Bytes = as(1_500_000);
/** How long a client may take to answer a close. */
const PATIENCE: Millis = as(2_000);
/** Most bytes a close frame has for its reason (RFC 6455, section 5.5). */
const REASON_BYTES = 123;

/**
 * A client at the other end of a WebSocket: validated messages in, events and media out.
 *
 * Lifetime: from an accepted handshake until `closed` was told. Bounds what a client may send, in size and
 * in rate, and what waits for a client that does not read.
 */
export class Peer implements MediaSink {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #gate: MessageGate;
  readonly #life = new AbortController();
  #handlers: PeerHandlers | undefined;
  #heardAt: Millis;
  #isClosing = false;

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#heardAt = clock.now();
    this.#gate = new MessageGate(clock);
  }

  /** Begin to deliver; called once. */
  listen(handlers: PeerHandlers): void {
    this.#handlers = handlers;
    this.#socket.on("message", (data: Buffer, isBinary) => {
      this.#received(data, isBinary);
    });
    // A ping is answered by ws itself, and counts as a message does.
    this.#socket.on("ping", () => {
      this.#heard(this.#gate.admit());
    });
    this.#socket.on("pong", () => {
      this.#heardAt = this.#clock.now();
    });
    // ws closes the connection itself, with the code that the violation asks for.
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.#isClosing = true;
      this.#life.abort();
      handlers.closed();
    });
    void this.#keepAlive();
  }

  get bufferedBytes(): Bytes {
    return as(this.#socket.bufferedAmount);
  }

  send(event: ServerEvent): void {
    this.#write(JSON.stringify(event));
  }

  sendMedia(message: Uint8Array): void {
    this.#write(message);
  }

  /** Tell the client that its message, or something it depends on, failed. */
  sendError(error: StreamError, eventId?: string): void {
    this.send(errorEvent(error, eventId));
  }

  /** Say goodbye; what comes in after that is not delivered. */
  close(code: CloseCode, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#socket.close(code, shortened(reason));
    void this.#cutAfter(PATIENCE);
  }

  /** End the connection without a goodbye. */
  terminate(): void {
    this.#isClosing = true;
    this.#socket.terminate();
  }

  #write(data: string | Uint8Array): void {
    if (this.#isClosing || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > MOST_BUFFERED) {
      this.terminate();
      return;
    }
    this.#socket.send(data);
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    const verdict = this.#gate.judge(data.byteLength, () =>
      isBinary ? data : data.toString("utf8"),
    );
    this.#heard(verdict);
    if (verdict.kind === "message") this.#deliver(verdict.message);
  }

  /** What counts as a message came; see to what is wrong with it. */
  #heard(verdict: Verdict | undefined): void {
    if (this.#isClosing) return;
    if (verdict?.kind === "cut") this.close(CLOSE.protocol, "far too many messages");
    if (verdict?.kind === "refused") this.#refuse(verdict.error);
    if (verdict?.kind !== "ignored") this.#heardAt = this.#clock.now();
  }

  #deliver(message: ClientMessage): void {
    try {
      this.#handlers?.message(message);
    } catch (cause) {
      this.#refuse(toStreamError(cause));
    }
  }

  #refuse(error: StreamError): void {
    this.sendError(error);
    if (error.code === "message_too_large") this.close(closeCodeFor(error.code), error.message);
    // A message too many was dropped; there is nothing to hold against what it said.
    if (error.code !== "rate_limited") this.#handlers?.refused(error);
  }

  async #cutAfter(patience: Millis): Promise<void> {
    try {
      await this.#clock.sleep(patience, this.#life.signal);
      this.#socket.terminate();
    } catch {
      // The client answered in time, which ends the wait.
    }
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#life;
    for (;;) {
      try {
        await this.#clock.sleep(PING_EVERY, signal);
      } catch {
        // Only the end of the connection interrupts the sleep.
        return;
      }
      if (this.#clock.now() - this.#heardAt >= SILENCE) this.terminate();
      else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
    }
  }
}

function shortened(reason: string): string {
  const bytes = Buffer.from(reason, "utf8");
  if (bytes.byteLength <= REASON_BYTES) return reason;
  const ellipsis = "…";
  const room = REASON_BYTES - Buffer.byteLength(ellipsis);
  // A character that was cut in the middle is left out.
  return (
    bytes
      .subarray(0, room)
      .toString("utf8")
      .replace(/\uFFFD+$/, "") + ellipsis
  );
}
