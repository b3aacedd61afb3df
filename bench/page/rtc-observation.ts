/** How the page is to watch a stream over WHEP. */
export interface RtcWish {
  readonly url: string;
  readonly token: string;
  /** The only video codec to offer; all that the browser has when absent. */
  readonly codec?: "h264" | "vp8";
  /** Send the descriptions through the bench, which rewrites them. */
  readonly isRelayed?: boolean;
  /** Also measure round trips over the data channel `control`. */
  readonly pings?: boolean;
}

/** When a connection came up; milliseconds since the `POST`. */
export interface RtcStart {
  readonly postTo201: number;
  readonly connected: number;
  readonly firstFrame: number;
}

/** What the page saw. Times are milliseconds since 1970. */
export interface RtcObservation {
  /** When each picture was shown, the frame, and the time in its marker. */
  readonly shown: readonly (readonly [at: number, frame: number, marked: number])[];
  /** Pictures whose marker could not be read. */
  readonly unread: number;
  /** When each click was heard. */
  readonly clicks: readonly number[];
  /** Bytes of video received, each half second. */
  readonly received: readonly (readonly [at: number, bytes: number])[];
  /** Round trips over the data channel. */
  readonly roundTrips: readonly number[];
  /** How long the player held pictures and sound back, on average since the start. */
  readonly heldMs: { readonly video: number; readonly audio: number };
  readonly nacks: number;
  readonly plis: number;
  readonly codec: string;
}

/** What the page offers to the bench, as the global `rtcBench`. */
export interface RtcBench {
  /** Watch a stream; settles with its first picture. */
  open(wish: RtcWish): Promise<{ readonly id: number; readonly start: RtcStart }>;
  observation(id: number): RtcObservation;
  close(id: number): Promise<void>;
}
