import type { Clock } from "../core/clock.ts";
import { StreamError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { as, type Millis } from "../core/units.ts";
import { CLOSE, closeCodeFor } from "../protocol/close-codes.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { Deadline } from "../stream/deadline.ts";
import type { Peer, PeerHandlers } from "../transport/websocket/peer.ts";
import type { HostedSession, Role } from "./hosted-session.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { Sessions } from "./sessions.ts";
import { SocketViewer } from "./viewers/socket-viewer.ts";
import { pong, refusalOf, type Speaker, steer, understand } from "./viewers/steering.ts";

/** What a conversation needs of the server. */
export interface ConversationParts {
  /** Where the client is. */
  readonly address: string;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
}

type StartMessage = Extract<ClientMessage, { type: "session.start" }>;
type ResumeMessage = Extract<ClientMessage, { type: "session.resume" }>;

/** Where a conversation stands. */
type Stage =
  | { readonly kind: "greeting" }
  | { readonly kind: "opening" }
  | { readonly kind: "seated"; readonly speaker: Speaker; readonly viewer: SocketViewer }
  | { readonly kind: "over" };

/** A client must say what it wants within this time. */
const GREETING_TIME: Millis = as(10_000);

/**
 * The control vocabulary on one connection: a session is started or resumed first, then steered.
 *
 * Lifetime: that of its connection. A client whose first message fails is told why and sent away.
 */
export class Conversation implements PeerHandlers {
  readonly #peer: Peer;
  readonly #parts: ConversationParts;
  readonly #life = new AbortController();
  readonly #greeting: Deadline;
  #stage: Stage = { kind: "greeting" };

  constructor(peer: Peer, parts: ConversationParts) {
    this.#peer = peer;
    this.#parts = parts;
    this.#greeting = new Deadline(parts.clock, GREETING_TIME, () => {
      this.#turnAway(new StreamError("bad_request", "say session.start or session.resume first"));
    });
    this.#greeting.arm(this.#life.signal);
  }

  message(message: ClientMessage): void {
    try {
      this.#take(message);
    } catch (cause) {
      const error = understand(cause, this.#parts.logger);
      this.#parts.metrics.refused.add(1, { code: error.code });
      this.#peer.send(refusalOf(message, error));
    }
  }

  refused(error: StreamError): void {
    this.#parts.metrics.refused.add(1, { code: error.code });
    if (this.#stage.kind === "greeting") this.#close(error);
  }

  closed(): void {
    const stage = this.#stage;
    this.#stage = { kind: "over" };
    this.#life.abort();
    if (stage.kind === "seated") stage.viewer.leave();
  }

  #take(message: ClientMessage): void {
    if (message.type === "session.ping") {
      this.#peer.send(pong(message));
      return;
    }
    if (this.#stage.kind === "seated") {
      for (const answer of steer(message, this.#stage.speaker)) this.#peer.send(answer);
    } else if (this.#stage.kind === "greeting") this.#greet(message);
    else throw new StreamError("state_conflict", "wait for session.created");
  }

  #greet(message: ClientMessage): void {
    if (message.type !== "session.start" && message.type !== "session.resume") {
      throw new StreamError("state_conflict", "say session.start or session.resume first");
    }
    this.#greeting.disarm();
    if (message.type === "session.resume") this.#resume(message);
    else void this.#start(message, this.#parts.clock.now());
  }

  async #start(message: StartMessage, askedAt: Millis): Promise<void> {
    this.#stage = { kind: "opening" };
    const { sessions, address } = this.#parts;
    try {
      const { model, start, parameters, media } = message;
      const { markers } = media;
      const hosted = await sessions.create({ model, start, parameters, markers }, address);
      if (this.#isOver()) {
        // Nobody knows this session's secret, so nobody could come back to it.
        await hosted.session.end("abandoned");
        return;
      }
      const viewer = this.#seat(hosted, "controller", message);
      viewer.begin({ type: "session.created", eventId: message.event_id, askedAt });
    } catch (cause) {
      this.#turnAway(understand(cause, this.#parts.logger), message.event_id);
    }
  }

  #resume(message: ResumeMessage): void {
    try {
      const { hosted, role } = this.#parts.sessions.enter(message.session, message.token);
      const viewer = this.#seat(hosted, role, message);
      const askedAt = this.#parts.clock.now();
      viewer.begin({ type: "session.resumed", eventId: message.event_id, askedAt });
    } catch (cause) {
      this.#turnAway(understand(cause, this.#parts.logger), message.event_id);
    }
  }

  #seat(
    hosted: HostedSession,
    role: Role,
    { media: wish }: StartMessage | ResumeMessage,
  ): SocketViewer {
    const { clock, metrics, sessions } = this.#parts;
    const { limits } = sessions;
    const viewer = new SocketViewer({
      peer: this.#peer,
      hosted,
      role,
      wish,
      limits,
      clock,
      metrics,
    });
    this.#stage = { kind: "seated", speaker: { hosted, role, viewer }, viewer };
    return viewer;
  }

  #turnAway(error: StreamError, eventId?: string): void {
    this.#peer.sendError(error, eventId);
    this.#close(error);
  }

  #close(error: StreamError): void {
    this.#peer.close(
      error.recovery === "retry" ? CLOSE.tryLater : closeCodeFor(error.code),
      error.message,
    );
  }

  #isOver(): boolean {
    return this.#stage.kind === "over";
  }
}
