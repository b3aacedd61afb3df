import { Gate } from "../gate.ts";

/** A stretch of one utterance inside a block. */
export interface Span {
  readonly utterance: string;
  /** First sample, and the one after the last, counted from the block's beginning; negative in blocks before it. */
  readonly from: number;
  readonly to: number;
  /** Whether nothing of the utterance came before it, and nothing will come after it. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

interface Entry {
  readonly utterance: string;
  readonly isLive: boolean;
  readonly parts: Float32Array[];
  waiting: number;
  /** Samples of its longest part. */
  longest: number;
  isBegun: boolean;
  isWhole: boolean;
}

/** Kept of a live utterance, so that parts may come a little late: 20 ms at 16 kHz. */
const MARGIN = 320;
/** Longer parts are taken to come faster than they are spoken: 100 ms at 16 kHz. */
const LONGEST_LIVE = 1_600;

/**
 * Samples that wait to be heard, utterance after utterance.
 *
 * Bounded by whoever fills it: `room` waits while there is more than `most`. An utterance that is not whole yet gives
 * whole blocks only, and a live one begins with a margin, so that one whose samples come as they are spoken is not torn
 * into pieces.
 */
export class SpeechQueue {
  readonly #most: number;
  readonly #gate = new Gate(true);
  #entries: Entry[] = [];
  #waiting = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Wait until samples may be added. One waiter at a time. @throws the signal's reason when it aborts first. */
  room(signal: AbortSignal): Promise<void> {
    return this.#gate.pass(signal);
  }

  /** An utterance begins; its samples follow, where it `isLive` perhaps no faster than they are spoken. */
  begin(utterance: string, isLive: boolean): void {
    const empty = { parts: [], waiting: 0, longest: 0, isBegun: false, isWhole: false };
    this.#entries.push({ utterance, isLive, ...empty });
  }

  /** More of an utterance; what was dropped gets no more. */
  push(utterance: string, samples: Float32Array): void {
    const entry = this.#find(utterance);
    if (entry === undefined) return;
    entry.parts.push(samples);
    entry.waiting += samples.length;
    entry.longest = Math.max(entry.longest, samples.length);
    this.#count(samples.length);
  }

  /** That was all of it. */
  end(utterance: string): void {
    const entry = this.#find(utterance);
    if (entry !== undefined) entry.isWhole = true;
  }

  /** Forget what waits of one utterance. */
  drop(utterance: string): void {
    this.#count(-(this.#find(utterance)?.waiting ?? 0));
    this.#entries = this.#entries.filter((entry) => entry.utterance !== utterance);
  }

  /** Forget all that waits. */
  clear(): void {
    this.#entries = [];
    this.#count(-this.#waiting);
  }

  /** Fill `block` with what comes next; where nothing does it is left as it is. */
  take(block: Float32Array): Span[] {
    const spans: Span[] = [];
    let at = 0;
    for (let head = this.#entries[0]; head !== undefined; head = this.#entries[0]) {
      const room = block.length - at;
      const isEnough = head.waiting >= room && (head.isBegun || canBegin(head, block.length));
      if (!isEnough && !head.isWhole) break;
      const count = Math.min(room, head.waiting);
      this.#move(head, block.subarray(at, at + count));
      const isLast = head.isWhole && head.waiting === 0;
      if (count > 0 || isLast) {
        const { utterance, isBegun } = head;
        spans.push({ utterance, from: at, to: at + count, isFirst: !isBegun, isLast });
        head.isBegun = true;
      }
      at += count;
      if (!isLast) break;
      this.#entries.shift();
    }
    return spans;
  }

  #move(entry: Entry, into: Float32Array): void {
    for (let at = 0; at < into.length; ) {
      const part = entry.parts.shift() ?? into.subarray(at);
      const used = part.subarray(0, into.length - at);
      into.set(used, at);
      at += used.length;
      if (used.length < part.length) entry.parts.unshift(part.subarray(used.length));
    }
    entry.waiting -= into.length;
    this.#count(-into.length);
  }

  #count(samples: number): void {
    this.#waiting += samples;
    if (this.#waiting > this.#most) this.#gate.close();
    else this.#gate.open();
  }

  #find(utterance: string): Entry | undefined {
    return this.#entries.find((entry) => entry.utterance === utterance);
  }
}

/**
 * Whether what waits lasts until more is there, with parts as long as the longest and a little late.
 *
 * Parts of `p` samples and blocks of `b` are out of step by a multiple of their greatest common divisor, `g`; when a part
 * is nearly there, `p - g` samples at the most have been spoken that have not come.
 */
function canBegin({ isLive, longest, waiting }: Entry, block: number): boolean {
  if (!isLive) return true;
  const part = Math.min(longest, LONGEST_LIVE);
  return waiting >= block + part - commonDivisor(part, block) + MARGIN;
}

/** The greatest whole number that divides both. */
const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
