import { StreamError } from "../core/errors.ts";
import type { Millis } from "../core/units.ts";
import type { Synthesise } from "../media/synthesiser.ts";
import type { ServerEvent, StatsReport } from "../protocol/events.ts";
import type { Session } from "../stream/session.ts";
import { statsMessage } from "./event-messages.ts";
import type { FindPicture } from "./library/pictures.ts";
import type { OfferedModel } from "./models.ts";
import { isSameSecret } from "./secrets.ts";
import { SpeechIntake } from "./speech/speech-intake.ts";

/** What a client may do: steer the session and watch it, or watch it only. */
export type Role = "controller" | "viewer";

/** Whoever is with a session at this moment, over whichever transport. */
export interface Member {
  tell(event: ServerEvent): void;
  /** The session's newest second, and how this viewer gets it. */
  stats(): StatsReport;
  /** Another connection took the controller's seat. */
  replaced(): void;
}

/** What a hosted session is made of. */
export interface HostedSessionParts {
  readonly session: Session;
  readonly model: OfferedModel;
  /** Secret of the one who steers. */
  readonly token: string;
  /** Secret of those who only watch. */
  readonly viewerToken: string;
  /** Says texts. */
  readonly synthesise: Synthesise;
  /** Finds the pictures that clients uploaded. */
  readonly findPicture: FindPicture;
  /** Most members without the controller's seat. */
  readonly mostViewers: number;
}

const NO_VIEWER: StatsReport["viewer"] = {
  in_flight_frames: 0,
  dropped_frames: 0,
  sent_bytes: 0,
  bitrate: 0,
};

/** A session as the server holds it: with its model, its secrets, one controller's seat, and an audience. */
export class HostedSession {
  readonly session: Session;
  readonly model: OfferedModel;
  readonly token: string;
  readonly viewerToken: string;
  /** Where clients bring what is to be said. */
  readonly speech: SpeechIntake;
  readonly createdAt = new Date();
  readonly #findPicture: FindPicture;
  readonly #mostViewers: number;
  readonly #audience = new Set<Member>();
  #controller: Member | undefined;
  #isLooking = false;

  constructor(parts: HostedSessionParts) {
    const { session, model, token, viewerToken, synthesise, findPicture, mostViewers } = parts;
    this.session = session;
    this.speech = new SpeechIntake(session, synthesise);
    this.model = model;
    this.token = token;
    this.viewerToken = viewerToken;
    this.#findPicture = findPicture;
    this.#mostViewers = mostViewers;
  }

  get id(): string {
    return this.session.id;
  }

  /** Members, the controller included. */
  get viewers(): number {
    return this.#audience.size + (this.#controller === undefined ? 0 : 1);
  }

  /** What whoever knows `secret` may do; compares in constant time. */
  roleOf(secret: string): Role | undefined {
    const [controls, watches] = [this.token, this.viewerToken].map((own) =>
      isSameSecret(secret, own),
    );
    return controls === true ? "controller" : watches === true ? "viewer" : undefined;
  }

  /**
   * Join: a controller takes the seat from whoever has it, and may have been in the audience before. Generation
   * runs while anybody is there.
   *
   * @throws {StreamError} `session_limit` when the audience is full.
   */
  join(member: Member, role: Role): void {
    if (role === "viewer") this.#seatViewer(member);
    else {
      this.#audience.delete(member);
      const before = this.#controller;
      this.#controller = member;
      before?.replaced();
    }
    this.session.attach();
  }

  /** Leave, `silent` after the last sign of life; does nothing for a member that was replaced or is gone. */
  leave(member: Member, silent?: Millis): void {
    const hadSeat = this.#controller === member;
    if (hadSeat) this.#controller = undefined;
    if (!this.#audience.delete(member) && !hadSeat) return;
    if (this.viewers === 0) this.session.detach(silent);
    else if (hadSeat) this.session.letGo();
  }

  /**
   * Begin again from an uploaded image; one is looked at at a time. Returns the epoch of the change.
   *
   * @throws {StreamError} `unknown_recording`, `bad_upload`, `no_face`, `state_conflict` while another is looked at,
   *   `session_ended`; nothing is changed then.
   */
  async beginFrom(upload: string, eventId?: string): Promise<number> {
    if (this.#isLooking) throw new StreamError("state_conflict", "another picture is looked at");
    this.#isLooking = true;
    try {
      const picture = await this.#findPicture(upload, this.model.summary.video);
      return await this.session.beginFrom(picture, eventId);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Tell everybody who is there. */
  tell(event: ServerEvent): void {
    this.#controller?.tell(event);
    for (const member of this.#audience) member.tell(event);
  }

  /** The newest second in numbers, as the controller gets it. */
  stats(): StatsReport {
    return this.#controller?.stats() ?? statsMessage(this.session, NO_VIEWER);
  }

  #seatViewer(member: Member): void {
    if (this.#audience.size >= this.#mostViewers) {
      throw new StreamError(
        "session_limit",
        `at most ${this.#mostViewers} may watch a session; try again later`,
        { recovery: "retry", detail: { limit: this.#mostViewers } },
      );
    }
    this.#audience.add(member);
  }
}
