/** What an agent says, segment by segment, until it is known how each of them ended. */

/** How a segment ended. */
export interface PlaybackFinished {
  /** How much of it was heard, seconds. */
  readonly playbackPosition: number;
  readonly interrupted: boolean;
}

/** One segment that is not over. */
interface Segment {
  /** Seconds that were captured. */
  seconds: number;
  messages: number;
  refused: number;
  /** When it began to be heard, milliseconds; undefined before. */
  startedAt: number | undefined;
  /** No more of it will be captured. */
  isClosed: boolean;
}

/**
 * Keeps account of the segments of one output: each that was begun ends once, and only once, whatever the server took.
 *
 * Times are passed in, in milliseconds.
 */
export class Segments {
  readonly #finished: (end: PlaybackFinished) => void;
  readonly #segments = new Map<string, Segment>();
  readonly #waiting: { readonly until: number; readonly resolve: () => void }[] = [];
  #begun = 0;
  #over = 0;
  #last: PlaybackFinished = { playbackPosition: 0, interrupted: false };

  /** `finished`: a segment is over. */
  constructor(finished: (end: PlaybackFinished) => void) {
    this.#finished = finished;
  }

  /** The next segment begins; returns its id. */
  begin(): string {
    const id = `segment-${++this.#begun}`;
    const counts = { seconds: 0, messages: 0, refused: 0 };
    this.#segments.set(id, { ...counts, startedAt: undefined, isClosed: false });
    return id;
  }

  captured(id: string, seconds: number): void {
    const segment = this.#segments.get(id);
    if (segment !== undefined) segment.seconds += seconds;
  }

  /** A part of it is on its way to the server. */
  sent(id: string): void {
    const segment = this.#segments.get(id);
    if (segment !== undefined) segment.messages += 1;
  }

  /** The server did not take a part of it. */
  refused(id: string): void {
    const segment = this.#segments.get(id);
    if (segment === undefined) return;
    segment.refused += 1;
    this.#endUnheard(id, segment);
  }

  /** No more of it will be captured. */
  close(id: string): void {
    const segment = this.#segments.get(id);
    if (segment === undefined) return;
    segment.isClosed = true;
    this.#endUnheard(id, segment);
  }

  /** It begins to be heard; returns false where it is none of these segments. */
  started(id: string, now: number): boolean {
    const segment = this.#segments.get(id);
    if (segment !== undefined) segment.startedAt = now;
    return segment !== undefined;
  }

  /** It is over. */
  ended(id: string, end: PlaybackFinished): void {
    if (!this.#segments.delete(id)) return;
    this.#over += 1;
    this.#last = end;
    this.#finished(end);
    for (const { until, resolve } of this.#waiting) if (this.#over >= until) resolve();
    this.#waiting.splice(0, this.#waiting.findLastIndex(({ until }) => this.#over >= until) + 1);
  }

  /** Nothing more will be heard, nor told. */
  abandon(now: number): void {
    for (const [id, segment] of [...this.#segments]) {
      this.ended(id, { playbackPosition: heardOf(segment, now), interrupted: true });
    }
  }

  /** Seconds that were captured and are not heard yet. */
  ahead(now: number): number {
    return [...this.#segments.values()].reduce(
      (sum, segment) => sum + segment.seconds - heardOf(segment, now),
      0,
    );
  }

  /** Settles when all that was begun so far is over, with the end of the last. */
  async over(): Promise<PlaybackFinished> {
    if (this.#segments.size > 0) {
      await new Promise<void>((resolve) => this.#waiting.push({ until: this.#begun, resolve }));
    }
    return this.#last;
  }

  /** A segment of which the server took nothing is told of by nobody else. */
  #endUnheard(id: string, { isClosed, messages, refused }: Segment): void {
    if (isClosed && refused === messages) {
      this.ended(id, { playbackPosition: 0, interrupted: true });
    }
  }
}

const heardOf = ({ seconds, startedAt }: Segment, now: number): number =>
  startedAt === undefined ? 0 : Math.min(seconds, (now - startedAt) / 1000);
