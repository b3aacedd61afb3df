/** What the parts of the bench need of a server that is watched, Zoetrope or another. */

/** Where and how to ask for a viewer's connection. */
export interface WhepTarget {
  readonly url: string;
  readonly token: string;
}

/** A running server of test pictures. Lifetime: until `stop`. */
export interface Source {
  readonly name: string;
  /** A page of this origin may ask it. */
  readonly origin: string;
  /** The processes whose processor time counts. */
  readonly pid: number;
  /** A stream of its own that begins now. */
  open(): Promise<OpenStream>;
  stop(): Promise<void>;
}

/** One stream. Lifetime: until `close`. */
export interface OpenStream {
  readonly target: (wish?: { readonly delay?: "low" | "default" }) => WhepTarget;
  readonly close: () => Promise<void>;
}
