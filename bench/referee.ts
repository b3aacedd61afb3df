/** Judges a game by its pictures: is everything there, and does each picture follow from the one before? */

import type { Reading, Truth } from "./truth.ts";

/** What the rules say of one transition, part by part. */
export type Verdict = Readonly<Record<string, boolean>>;

/** Shares up to some frame. */
export interface Shares {
  /** Of frames in which each object that must exist does, once. */
  readonly survival: number;
  /** Of transitions that the rules allow in every part. */
  readonly obedience: number;
}

/** Lights repeat after this many steps of `8 * phase - fade`. */
const LIGHTS = 32;
const FADE = 8;

/** Collects readings of one game and what the rules make of them. */
export class Referee {
  readonly #truth: Truth;
  readonly #whole: boolean[] = [];
  readonly #obeyed: boolean[] = [];
  readonly #partMisses = new Map<string, number>();
  readonly #missing = new Map<string, number>();
  /** How often a star that was taken came back so many spots further on. */
  readonly respawns: number[];
  #damaged = 0;
  #before: Reading | undefined;
  #now: Reading | undefined;

  constructor(truth: Truth) {
    this.#truth = truth;
    this.respawns = Array.from({ length: truth.spots }, () => 0);
  }

  /** The newest reading. */
  get reading(): Reading | undefined {
    return this.#now;
  }

  /** Judge the picture that followed `control`. */
  async see(after: Reading, control: Float32Array): Promise<void> {
    this.#whole.push(after.present.every(Boolean));
    if (after.damage >= this.#truth.damageLimit) this.#damaged += 1;
    after.present.forEach((there, part) => {
      if (!there) bump(this.#missing, this.#truth.parts[part] ?? "?");
    });
    if (this.#now !== undefined) {
      const verdict = await this.#judge(this.#before ?? this.#now, this.#now, control, after);
      for (const [part, fine] of Object.entries(verdict)) if (!fine) bump(this.#partMisses, part);
      this.#obeyed.push(Object.values(verdict).every(Boolean));
    }
    this.#before = this.#now;
    this.#now = after;
  }

  /** Both shares over the first `frames` frames. */
  shares(frames: number): Shares {
    return {
      survival: share(this.#whole.slice(0, frames)),
      obedience: share(this.#obeyed.slice(0, frames)),
    };
  }

  /** Faults in a hundred frames: by object missing, by part of the rules, and damaged pictures. */
  faults(): Readonly<Record<string, number>> {
    const per = 100 / Math.max(1, this.#whole.length);
    const rates = (prefix: string, counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, count]) => [`${prefix}_${name}`, Number((count * per).toFixed(3))]);
    return Object.fromEntries([
      ...rates("missing", this.#missing),
      ...rates("broken", this.#partMisses),
      ["damaged", Number((this.#damaged * per).toFixed(3))],
    ]) as Record<string, number>;
  }

  async #judge(
    before: Reading,
    now: Reading,
    control: Float32Array,
    after: Reading,
  ): Promise<Verdict> {
    const truth = this.#truth;
    const of = (state: Float32Array) => (field: string) => truth.value(state, field);
    const seen = of(after.state);
    const expected = of(await truth.step(before.state, now.state, control, seen("spot")));
    const near = (field: string) => Math.abs(seen(field) - expected(field)) <= truth.pixels;
    const same = (field: string) => seen(field) === expected(field);
    const spotBefore = of(now.state)("spot");
    if (seen("spot") !== spotBefore && same("spot")) {
      const further = (seen("spot") - spotBefore + truth.spots) % truth.spots;
      this.respawns[further] = (this.respawns[further] ?? 0) + 1;
    }
    return {
      player: near("x") && near("y") && same("facing"),
      slime: near("slime_x"),
      bat: near("bat_x"),
      star: same("spot"),
      counter: same("counter"),
      light: lightOf(seen) === lightOf(expected),
    };
  }
}

const lightOf = (value: (field: string) => number): number =>
  (FADE * value("phase") - value("fade") + LIGHTS) % LIGHTS;

const share = (flags: readonly boolean[]): number =>
  flags.filter(Boolean).length / Math.max(1, flags.length);

const bump = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};
