/** What is outstanding, as a watchdog sees it. */
interface Watched {
  /** Beats since it was asked. */
  age: number;
  /** Beats without any answer that it accounts for. */
  readonly silence: number;
  /** Beats it may take: one deadline for itself and one for each call ahead of it. */
  readonly most: number;
}

/**
 * Notices an engine that stopped answering: no answer for longer than any outstanding call accounts for, or one
 * call that outlived its turn.
 *
 * Time is counted in beats of the loop that owns it, so a stall of that loop, or a machine that slept, is
 * never taken for a hang of the engine.
 */
export class Watchdog {
  readonly #deadline: number;
  readonly #calls = new Map<number, Watched>();
  #silent = 0;

  /** `deadline`: beats that one call may take, whatever else the engine is at work on. */
  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  /** Nothing is outstanding. */
  get isIdle(): boolean {
    return this.#calls.size === 0;
  }

  /** Call `id` was sent; an engine that works on it may be silent for `silence` beats. */
  asked(id: number, silence: number): void {
    if (this.isIdle) this.#silent = 0;
    this.#calls.set(id, { age: 0, silence, most: this.#deadline * (this.#calls.size + 1) });
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
    const calls = [...this.#calls.values()];
    for (const call of calls) call.age += 1;
    return (
      this.#silent > Math.max(...calls.map(({ silence }) => silence)) ||
      calls.some(({ age, most }) => age > most)
    );
  }
}
