/** What is outstanding, as a watchdog sees it. */
interface Watched {
  /** Beats since it was asked. */
  age: number;
  /** Beats it may take: one deadline for itself and one for each call ahead of it. */
  readonly most: number;
}

/**
 * Notices an engine that stopped answering: no answer for a whole deadline although something was asked, or
 * one call that outlived its turn.
 *
 * Time is counted in beats of the loop that owns it, so a stall of that loop, or a machine that slept, is
 * never taken for a hang of the engine.
 */
export class Watchdog {
  readonly #deadline: number;
  readonly #calls = new Map<number, Watched>();
  #silent = 0;

  /** `deadline`: beats that one call may take. */
  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  /** Nothing is outstanding. */
  get isIdle(): boolean {
    return this.#calls.size === 0;
  }

  /** Call `id` was sent. */
  asked(id: number): void {
    if (this.isIdle) this.#silent = 0;
    this.#calls.set(id, { age: 0, most: this.#deadline * (this.#calls.size + 1) });
  }

  /** Call `id` was answered. */
  answered(id: number): void {
    this.#calls.delete(id);
    this.#silent = 0;
  }

  /** One beat went by; returns whether the engine hangs. */
  beat(): boolean {
    if (this.isIdle) return false;
    this.#silent += 1;
    for (const call of this.#calls.values()) call.age += 1;
    return (
      this.#silent > this.#deadline || [...this.#calls.values()].some(({ age, most }) => age > most)
    );
  }
}
