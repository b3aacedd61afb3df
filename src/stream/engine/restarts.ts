import { as, type Millis } from "../../core/units.ts";

/** When lost engines are replaced. */
export interface RestartLimits {
  /** More losses than this, */
  readonly most: number;
  /** inside this time, are a crash loop. */
  readonly within: Millis;
  /** Wait before the second replacement inside that time; each further one waits twice as long. */
  readonly wait: Millis;
}

/** Bounds of an ordinary server: a first loss is mended at once, a crash loop is given up in about 3 s. */
export const RESTART_LIMITS: RestartLimits = { most: 5, within: as(60_000), wait: as(100) };

/** Decides whether and when a lost engine is replaced. Pure: time is passed in. */
export class Restarts {
  readonly #limits: RestartLimits;
  #losses: Millis[] = [];

  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  /** An engine was lost at `now`: how long to wait before the next is started; undefined in a crash loop. */
  lost(now: Millis): Millis | undefined {
    this.#losses = [...this.#recent(now), now];
    const losses = this.#losses.length;
    if (losses > this.#limits.most) return undefined;
    return losses === 1 ? as(0) : as(this.#limits.wait * 2 ** (losses - 2));
  }

  /** Whether, after a crash loop, an engine may be tried again at `now`. */
  mayTry(now: Millis): boolean {
    return this.#recent(now).length <= this.#limits.most;
  }

  #recent(now: Millis): Millis[] {
    return this.#losses.filter((at) => now - at < this.#limits.within);
  }
}
