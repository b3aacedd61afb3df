/** What a bench measured: keys explained in bench/README.md. */
export type BenchFigures = Readonly<Record<string, unknown>>;

/** A bench takes its own flags and returns its figures; it prints progress to stderr. */
export interface Bench {
  /** What it measures unless told otherwise; the arcade when absent. */
  readonly model?: string;
  readonly run: (flags: BenchFlags) => Promise<BenchFigures>;
}

/** Flags every bench understands; each has a default that its README names. */
export interface BenchFlags {
  readonly model: string;
  /** Seconds or frames, in the bench's own unit; absent means its standard length. */
  readonly length?: number;
}
