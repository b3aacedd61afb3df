import { StreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";

interface Waiting {
  readonly resolve: (answer: ServerEvent) => void;
  readonly reject: (error: StreamError) => void;
}

/** Requests whose answer has not come, by `event_id`. */
export class Requests {
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  /** An id no other request of this session has. */
  nextId(): string {
    this.#count += 1;
    return `c${this.#count}`;
  }

  /**
   * Wait for the first answer to `eventId`.
   *
   * @throws {StreamError} the server's own error when it refuses; `state_conflict` when the connection
   *   was lost before an answer.
   */
  answer(eventId: string): Promise<ServerEvent> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(eventId, { resolve, reject });
    });
  }

  /** Settle the request that `event` answers; true when there was one. */
  settle(event: ServerEvent): boolean {
    const eventId = "event_id" in event ? event.event_id : undefined;
    const waiting = eventId === undefined ? undefined : this.#waiting.get(eventId);
    if (eventId === undefined || waiting === undefined) return false;
    this.#waiting.delete(eventId);
    if (event.type === "error" || event.type === "input.rejected") {
      waiting.reject(StreamError.from(event.error));
    } else waiting.resolve(event);
    return true;
  }

  /** Nobody will answer any more: the connection is gone. */
  abandon(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new StreamError("state_conflict", "the connection was lost before an answer came"));
    }
    this.#waiting.clear();
  }
}
