/** One direction of a bad network: a pure function of its conditions, what it carries, the time and chance. */

/** What a direction does to datagrams. */
export interface LinkConditions {
  /** Share that is lost, in [0, 1]. */
  readonly loss?: number;
  /** Nothing passes. */
  readonly isOut?: boolean;
  /** Milliseconds on the way. */
  readonly delay?: number;
  /** A bottleneck; unlimited when absent. */
  readonly bottleneck?: {
    /** Bits a second. */
    readonly rate: number;
    /** Bytes that may wait; what comes on top is lost. */
    readonly queue: number;
  };
}

/** When the bottleneck will have sent all that waits. */
export interface LinkState {
  readonly freeAt: number;
}

/** Nothing waits. */
export const idleLink: LinkState = { freeAt: 0 };

/** What becomes of one datagram; `at` is when it arrives, undefined when it is lost. */
export interface Passage {
  readonly state: LinkState;
  readonly at: number | undefined;
}

/** Decide about a datagram of `bytes` at `now`; `chance` is a number in [0, 1). */
export function pass(
  state: LinkState,
  conditions: LinkConditions,
  { bytes, now, chance }: { readonly bytes: number; readonly now: number; readonly chance: number },
): Passage {
  const { loss = 0, isOut = false, delay = 0, bottleneck } = conditions;
  if (isOut || chance < loss) return { state, at: undefined };
  if (bottleneck === undefined) return { state: idleLink, at: Math.max(now, state.freeAt) + delay };
  const begins = Math.max(now, state.freeAt);
  const waiting = ((begins - now) * bottleneck.rate) / 8000;
  if (waiting + bytes > bottleneck.queue) return { state, at: undefined };
  const freeAt = begins + (bytes * 8000) / bottleneck.rate;
  return { state: { freeAt }, at: freeAt + delay };
}
