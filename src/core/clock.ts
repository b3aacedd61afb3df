import { as, type Millis } from "./units.ts";

/** The only source of time and delay; tests pass a manual one. */
export interface Clock {
  /** Milliseconds since an arbitrary, fixed origin; never goes backwards. */
  now(): Millis;
  /**
   * Wait for `duration`.
   *
   * @throws the signal's reason when `signal` aborts first.
   */
  sleep(duration: Millis, signal?: AbortSignal): Promise<void>;
}

/** Monotonic time and real timers. */
export const systemClock: Clock = {
  now: () => as<Millis>(performance.now()),
  sleep: (duration, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, duration);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** The system's wall clock: milliseconds since 1970; it may be set. Only what must agree with other machines needs it. */
export const systemEpoch = (): Millis => as<Millis>(Date.now());
