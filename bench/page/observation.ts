/** What the bench asks of the page. */
export interface WatchOptions {
  readonly model: string;
  readonly seconds: number;
  /** Sessions opened only to time their first frame. */
  readonly sessions: number;
}

/** What the page saw. Units: milliseconds on the page's own clock. */
export interface Observation {
  readonly firstFrames: readonly number[];
  /** When each frame was drawn, and the frame and epoch its marker showed. */
  readonly shown: readonly (readonly [at: number, frame: number, epoch: number])[];
  /** When each input was given, in order. */
  readonly sent: readonly number[];
  /** The epoch the server gave each of them, in the same order. */
  readonly epochs: readonly number[];
  readonly frameRate: number;
}
