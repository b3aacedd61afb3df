import type { ServerEvent, StatsReport } from "../protocol/events.ts";
import type { Session } from "../stream/session.ts";
import { statsMessage } from "./event-messages.ts";
import type { OfferedModel } from "./models.ts";
import { isSameSecret } from "./secrets.ts";

/** Whoever watches and steers a session at this moment. */
export interface SeatHolder {
  tell(event: ServerEvent): void;
  /** The session's newest second, and how this viewer gets it. */
  stats(): StatsReport;
  /** Another connection of the same client took the seat. */
  replaced(): void;
}

/** What a hosted session is made of. */
export interface HostedSessionParts {
  readonly session: Session;
  readonly model: OfferedModel;
  readonly token: string;
}

const NO_VIEWER: StatsReport["viewer"] = {
  in_flight_frames: 0,
  dropped_frames: 0,
  sent_bytes: 0,
  bitrate: 0,
};

/** A session as the server holds it: with its model, its secret, and one seat for a viewer. */
export class HostedSession {
  readonly session: Session;
  readonly model: OfferedModel;
  readonly token: string;
  readonly createdAt = new Date();
  #holder: SeatHolder | undefined;

  constructor({ session, model, token }: HostedSessionParts) {
    this.session = session;
    this.model = model;
    this.token = token;
  }

  get id(): string {
    return this.session.id;
  }

  get hasViewer(): boolean {
    return this.#holder !== undefined;
  }

  /** Compares in constant time. */
  isToken(given: string): boolean {
    return isSameSecret(given, this.token);
  }

  /** Take the seat, from whoever has it. Generation runs from here on. */
  take(holder: SeatHolder): void {
    const before = this.#holder;
    this.#holder = holder;
    before?.replaced();
    this.session.attach();
  }

  /** Leave the seat; does nothing for a holder that was replaced. */
  leave(holder: SeatHolder): void {
    if (this.#holder !== holder) return;
    this.#holder = undefined;
    this.session.detach();
  }

  /** Tell the viewer, if there is one. */
  tell(event: ServerEvent): void {
    this.#holder?.tell(event);
  }

  /** The newest second in numbers. */
  stats(): StatsReport {
    return this.#holder?.stats() ?? statsMessage(this.session, NO_VIEWER);
  }
}
