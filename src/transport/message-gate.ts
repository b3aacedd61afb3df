/** Lets a client's messages in: validated, bounded in size and in rate, whatever carries them. */

import type { Clock } from "../core/clock.ts";
import { StreamError, toStreamError } from "../core/errors.ts";
import type { ServerEvent } from "../protocol/events.ts";
import {
  type ClientMessage,
  LIMITS,
  parseBinaryMessage,
  parseClientMessage,
} from "../protocol/messages.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";

/** Messages above their rate that are refused one by one; a client that sends more is cut off. */
const EXCESS: Rate = { perSecond: 60, burst: 960 };
/** How often a client is told that it is too fast. */
const COMPLAINTS: Rate = { perSecond: 1, burst: 1 };

/** What becomes of one message. */
export type Verdict =
  | { readonly kind: "message"; readonly message: ClientMessage }
  /** To be told to the client; `isLast` when the connection must end. */
  | { readonly kind: "refused"; readonly error: StreamError; readonly isLast: boolean }
  | { readonly kind: "ignored" }
  | { readonly kind: "cut" };

/** The rates of one connection, all its channels together. */
export class MessageGate {
  readonly #messages: RateLimit;
  readonly #excess: RateLimit;
  readonly #complaints: RateLimit;

  constructor(clock: Clock) {
    this.#messages = new RateLimit(clock, {
      perSecond: LIMITS.messagesPerSecond,
      burst: LIMITS.messageBurst,
    });
    this.#excess = new RateLimit(clock, EXCESS);
    this.#complaints = new RateLimit(clock, COMPLAINTS);
  }

  /** Why something that counts as a message may not pass; undefined when it may. */
  admit(): Exclude<Verdict, { kind: "message" }> | undefined {
    return this.#messages.take() ? undefined : this.#tooFast();
  }

  /** Judge a message of `size` bytes; `content` reads it, as text or as bytes, and is not asked in vain. */
  judge(size: number, content: () => string | Uint8Array): Verdict {
    const excess = this.admit();
    if (excess !== undefined) return excess;
    try {
      return { kind: "message", message: read(size, content) };
    } catch (cause) {
      const error = toStreamError(cause);
      return { kind: "refused", error, isLast: error.code === "message_too_large" };
    }
  }

  #tooFast(): Exclude<Verdict, { kind: "message" }> {
    if (!this.#excess.take()) return { kind: "cut" };
    if (!this.#complaints.take()) return { kind: "ignored" };
    const { messagesPerSecond } = LIMITS;
    const error = new StreamError(
      "rate_limited",
      `at most ${messagesPerSecond} messages a second; this one was dropped`,
      { recovery: "retry", detail: { messages_per_second: messagesPerSecond } },
    );
    return { kind: "refused", error, isLast: false };
  }
}

function read(size: number, content: () => string | Uint8Array): ClientMessage {
  if (size > LIMITS.messageBytes) {
    throw new StreamError("message_too_large", `a message is at most ${LIMITS.messageBytes} bytes`);
  }
  const said = content();
  return typeof said === "string" ? parseClientMessage(said) : parseBinaryMessage(said);
}

/** The event that tells a client of an error; `eventId` echoes the message that caused it. */
export function errorEvent(error: StreamError, eventId?: string): ServerEvent {
  const { event_id, ...detail } = error.detail;
  const echo = eventId ?? event_id;
  return {
    type: "error",
    ...(typeof echo === "string" && { event_id: echo }),
    error: { ...error.serialise(), detail },
  };
}
