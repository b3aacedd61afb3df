import type { Clock } from "../core/clock.ts";
import { as, type Millis } from "../core/units.ts";
import { Deadline } from "./deadline.ts";
import type { SessionEnd } from "./events.ts";

/** How long a session may live in each way. */
export interface SessionLimits {
  /** Without any input. */
  readonly idle: Millis;
  /** Altogether. */
  readonly longest: Millis;
  /** Without a client. */
  readonly grace: Millis;
}

/** What the limits of a session call back. */
export interface LimitHandlers {
  readonly near: (limit: "idle" | "time_limit", remaining: Millis) => void;
  readonly expired: (reason: SessionEnd) => void;
}

/** A warning comes this long before the end, or at half of a shorter limit. */
const NOTICE: Millis = as(30_000);

/** The deadlines of one session. */
export class Limits {
  readonly #owner: AbortSignal;
  readonly #idle: readonly Deadline[];
  readonly #longest: readonly Deadline[];
  readonly #grace: Deadline;

  constructor(clock: Clock, limits: SessionLimits, handlers: LimitHandlers, owner: AbortSignal) {
    const pair = (limit: "idle" | "time_limit", duration: Millis) => {
      const notice = Math.min(NOTICE, duration / 2);
      const warn = () => handlers.near(limit, as(notice));
      return [
        new Deadline(clock, as(duration - notice), warn),
        new Deadline(clock, duration, () => handlers.expired(limit)),
      ];
    };
    this.#owner = owner;
    this.#idle = pair("idle", limits.idle);
    this.#longest = pair("time_limit", limits.longest);
    this.#grace = new Deadline(clock, limits.grace, () => handlers.expired("abandoned"));
    for (const deadline of this.#longest) deadline.arm(owner);
    this.#grace.arm(owner);
  }

  /** A client is there: the idle time counts, the grace period does not. */
  attached(): void {
    this.#grace.disarm();
    for (const deadline of this.#idle) deadline.arm(this.#owner);
  }

  /** The client is gone; the grace period counts from its last sign of life, `silent` ago. */
  detached(silent: Millis = as(0)): void {
    for (const deadline of this.#idle) deadline.disarm();
    this.#grace.arm(this.#owner, silent);
  }

  /** The client did something; a warning that was given before will be given again. */
  active(): void {
    for (const deadline of this.#idle) deadline.arm(this.#owner);
  }
}
