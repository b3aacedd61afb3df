/** Lets a loop through while it is open, or a counted number of times while it is closed. */
export class Gate {
  #open: boolean;
  #steps = 0;
  #wake: (() => void) | undefined;

  constructor(open: boolean) {
    this.#open = open;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    this.#open = true;
    this.#steps = 0;
    this.#wake?.();
  }

  close(): void {
    this.#open = false;
  }

  /** Let the loop through once more although the gate is closed. */
  step(): void {
    this.#steps += 1;
    this.#wake?.();
  }

  /**
   * Wait until the loop may go on. One waiter at a time.
   *
   * @throws the signal's reason when `signal` aborts first.
   */
  async pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.#open && this.#steps === 0) await this.#woken(signal);
    if (!this.#open) this.#steps -= 1;
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        signal.removeEventListener("abort", abandon);
        this.#wake = undefined;
        how();
      };
      const abandon = () => {
        settle(() => reject(signal.reason as Error));
      };
      signal.addEventListener("abort", abandon, { once: true });
      this.#wake = () => {
        settle(resolve);
      };
    });
  }
}
