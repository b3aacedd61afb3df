/**
 * The right to have one block in flight. Released exactly when the block's last packet was sent or
 * dropped; a second release does nothing.
 */
export interface Lease {
  release(): void;
}

/** A value together with the lease that bounds how many such values exist. */
export interface Leased<T> {
  readonly value: T;
  readonly lease: Lease;
}

interface Waiter {
  readonly grant: (lease: Lease) => void;
}

/**
 * A fixed number of leases, handed out in the order they were asked for.
 *
 * Lifetime: one per subscription to a pipeline. `available` equals `capacity` when nothing is in flight.
 */
export class Credits {
  readonly capacity: number;
  #available: number;
  readonly #waiters: Waiter[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#available = capacity;
  }

  /** Leases that could be acquired at once. */
  get available(): number {
    return this.#available;
  }

  /**
   * Take a lease, waiting for one when none is free.
   *
   * @throws the signal's reason when `signal` aborts first; no lease is taken then.
   */
  acquire(signal: AbortSignal): Promise<Lease> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#available > 0) {
      this.#available -= 1;
      return Promise.resolve(this.#lease());
    }
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        grant: (lease) => {
          signal.removeEventListener("abort", abandon);
          resolve(lease);
        },
      };
      const abandon = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abandon, { once: true });
      this.#waiters.push(waiter);
    });
  }

  #lease(): Lease {
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        const next = this.#waiters.shift();
        if (next === undefined) this.#available += 1;
        else next.grant(this.#lease());
      },
    };
  }
}
