import { Observable, type Subscriber } from "rxjs";
import type { Credits, Lease, Leased } from "../core/credits.ts";

/**
 * Pull values from an async iterable, one for each lease.
 *
 * Lifecycle: cold; each subscription opens its own iterable. Buffers nothing. A late subscriber begins
 * anew. Unsubscribing aborts the signal, closes the iterable and releases every lease still held.
 */
export const pull = <T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  credits: Credits,
): Observable<Leased<T>> =>
  new Observable((subscriber) => {
    const stop = new AbortController();
    const held = new Set<Lease>();
    drive({ source: open(stop.signal), credits, signal: stop.signal, held }, subscriber).catch(
      (error: unknown) => {
        subscriber.error(error);
      },
    );
    return () => {
      stop.abort();
      for (const lease of held) lease.release();
    };
  });

interface Drive<T> {
  readonly source: AsyncIterable<T>;
  readonly credits: Credits;
  readonly signal: AbortSignal;
  /** Leases given away and not yet released. */
  readonly held: Set<Lease>;
}

async function drive<T>(
  { source, credits, signal, held }: Drive<T>,
  to: Subscriber<Leased<T>>,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let lease: Lease | undefined;
  try {
    for (;;) {
      lease = await credits.acquire(signal);
      const step = await iterator.next();
      if (step.done === true || signal.aborted) break;
      const given = track(lease, held);
      lease = undefined;
      to.next({ value: step.value, lease: given });
    }
    to.complete();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    lease?.release();
    await iterator.return?.();
  }
}

/** A lease that is in `held` until it is released. */
function track(lease: Lease, held: Set<Lease>): Lease {
  const tracked: Lease = {
    release: () => {
      held.delete(tracked);
      lease.release();
    },
  };
  held.add(tracked);
  return tracked;
}
