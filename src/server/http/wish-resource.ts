/** WebRTC connections as HTTP resources: the part that WHEP and WHIP share (RFC 9725, sections 4.2 to 4.4). */

import { StreamError } from "../../core/errors.ts";
import type { TargetRules } from "../../transport/webrtc/address-class.ts";
import { type IceFragment, parseFragment } from "../../transport/webrtc/fragment.ts";
import { type CheckedOffer, checkOffer, type Purpose } from "../../transport/webrtc/offer.ts";
import { randomId } from "../secrets.ts";
import { HttpRefusal } from "./wish-refusal.ts";

/** A connection that HTTP holds. */
export interface WishConnection {
  readonly answerSdp: string;
  addCandidates(fragment: string): Promise<void>;
  restart(fragment: string): Promise<string>;
  close(): void;
  /** Settles when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

/** What is told about an accepted `PATCH`. */
export interface PatchAnswer {
  /** The server's fragment after an ICE restart; absent after a trickle. */
  readonly fragment?: string;
}

/** Most of a client's own ICE restarts, and most candidates of one ICE session, beyond those of the offer. */
const MOST_RESTARTS = 32;
const MOST_TRICKLED = 256;
/** Most `PATCH` requests of one resource that wait for one another. */
const MOST_WAITING = 16;

/** One connection of one session. Lifetime: until its connection is gone. */
export class WishResource {
  readonly id = randomId();
  readonly session: string;
  readonly connection: WishConnection;
  readonly #ufrags: string[];
  #etag = randomEtag();
  #trickled = 0;
  #waiting = 0;
  #before: Promise<unknown> = Promise.resolve();

  constructor(session: string, offer: CheckedOffer, connection: WishConnection) {
    this.session = session;
    this.connection = connection;
    this.#ufrags = [offer.ufrag];
  }

  /** Names the ICE session; a strong entity tag. */
  get etag(): string {
    return this.#etag;
  }

  /**
   * Take a fragment, after those that came before it.
   *
   * With the entity tag: candidates. With `*`: an ICE restart when the credentials are new, candidates otherwise.
   * @throws {HttpRefusal} 428, 412, 429 and 409; {StreamError} of the connection.
   */
  async patch(ifMatch: string | undefined, fragment: IceFragment): Promise<PatchAnswer> {
    if (this.#waiting >= MOST_WAITING) throw tooMany("too many requests at once");
    this.#waiting += 1;
    const answer = this.#before.then(() => this.#patch(ifMatch, fragment));
    this.#before = answer.catch(() => undefined);
    try {
      return await answer;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #patch(ifMatch: string | undefined, fragment: IceFragment): Promise<PatchAnswer> {
    if (ifMatch === undefined) {
      throw new HttpRefusal(
        428,
        "bad_request",
        "If-Match is needed: the ETag, or * to restart ICE",
      );
    }
    if (ifMatch.trim() === "*" && fragment.ufrag !== this.#ufrags.at(-1)) {
      return { fragment: await this.#restart(fragment) };
    }
    if (!matches(ifMatch, this.#etag)) {
      throw new HttpRefusal(412, "state_conflict", "the ETag is that of an earlier ICE session");
    }
    await this.#trickle(fragment);
    return {};
  }

  async #trickle(fragment: IceFragment): Promise<void> {
    if (fragment.ufrag !== this.#ufrags.at(-1)) {
      throw new HttpRefusal(409, "state_conflict", "the fragment is of another ICE session");
    }
    this.#trickled += fragment.candidates.length;
    if (this.#trickled > MOST_TRICKLED) throw tooMany("too many candidates");
    await this.connection.addCandidates(fragment.text);
  }

  async #restart(fragment: IceFragment): Promise<string> {
    if (this.#ufrags.includes(fragment.ufrag)) {
      throw new HttpRefusal(409, "state_conflict", "these ICE credentials were used before");
    }
    if (this.#ufrags.length > MOST_RESTARTS) throw tooMany("too many ICE restarts");
    const answer = await this.connection.restart(fragment.text);
    this.#ufrags.push(fragment.ufrag);
    this.#etag = randomEtag();
    this.#trickled = 0;
    return answer;
  }
}

const randomEtag = (): string => `"${randomId()}"`;
const tooMany = (why: string): HttpRefusal => new HttpRefusal(429, "rate_limited", why);

/** RFC 9110, section 13.1.1: strong comparison with any of the tags. */
const matches = (ifMatch: string, etag: string): boolean =>
  ifMatch.split(",", 16).some((tag) => tag.trim() === "*" || tag.trim() === etag);

/** Within which bounds connections are held. */
export interface WishLimits {
  /** Most of this kind at once, those being answered included. */
  readonly most: number;
  /** Most of one session. */
  readonly mostPerSession: number;
  readonly targets: TargetRules;
}

/** The connections of one kind. */
export class WishResources {
  readonly #purpose: Purpose;
  readonly #limits: WishLimits;
  readonly #resources = new Map<string, WishResource>();
  readonly #opening = new Map<string, number>();

  constructor(purpose: Purpose, limits: WishLimits) {
    this.#purpose = purpose;
    this.#limits = limits;
  }

  /**
   * Check an offer, answer it by `connect`, and hold the connection until it is gone.
   *
   * @throws {StreamError} of the offer's check, `session_limit` when there are too many, or those of `connect`.
   */
  async open(
    session: string,
    text: string,
    connect: (offer: CheckedOffer) => Promise<WishConnection>,
  ): Promise<WishResource> {
    const offer = checkOffer(text, this.#purpose, this.#limits.targets);
    this.#admit(session);
    this.#opening.set(session, (this.#opening.get(session) ?? 0) + 1);
    try {
      return this.#hold(new WishResource(session, offer, await connect(offer)));
    } finally {
      const left = (this.#opening.get(session) ?? 1) - 1;
      if (left > 0) this.#opening.set(session, left);
      else this.#opening.delete(session);
    }
  }

  /** The resource `id` of `session`. @throws {HttpRefusal} 404. */
  find(session: string, id: string): WishResource {
    const resource = this.#resources.get(id);
    if (resource?.session === session) return resource;
    throw new HttpRefusal(404, "bad_request", "there is no such connection, or it ended");
  }

  /** Read a fragment that a client sent. @throws {StreamError} `bad_request`, `message_too_large`. */
  fragment(text: string): IceFragment {
    return parseFragment(text, this.#limits.targets);
  }

  #admit(session: string): void {
    const { most, mostPerSession } = this.#limits;
    if (this.#count() < most && this.#count(session) < mostPerSession) return;
    throw new StreamError("session_limit", "too many connections at this time; try again later", {
      recovery: "retry",
      detail: { limit: Math.min(most, mostPerSession) },
    });
  }

  /** Connections that are held or being answered; those of one session where one is named. */
  #count(session?: string): number {
    const opening = [...this.#opening].filter(([id]) => session === undefined || id === session);
    const held = [...this.#resources.values()].filter(
      (resource) => session === undefined || resource.session === session,
    );
    return held.length + opening.reduce((sum, [, some]) => sum + some, 0);
  }

  #hold(resource: WishResource): WishResource {
    this.#resources.set(resource.id, resource);
    void resource.connection.closed.then(() => this.#resources.delete(resource.id));
    return resource;
  }
}
