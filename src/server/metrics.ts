/** What the server counts, and its Prometheus text form. */

/** Label values of one series. */
export type Labels = Readonly<Record<string, string>>;

/** A named family of series. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): readonly string[];
}

/** Counts up. */
class Counter implements Family {
  readonly name: string;
  readonly help: string;
  readonly type = "counter";
  readonly #series = new Map<string, number>();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(amount: number, labels: Labels = {}): void {
    const key = textOf(labels);
    this.#series.set(key, (this.#series.get(key) ?? 0) + amount);
  }

  lines(): string[] {
    return [...this.#series].map(([labels, value]) => `${this.name}${labels} ${value}`);
  }
}

/** Read when it is asked for. */
export class Gauge implements Family {
  readonly name: string;
  readonly help: string;
  readonly type = "gauge";
  readonly #read: () => readonly (readonly [Labels, number])[];

  constructor(name: string, help: string, read: () => readonly (readonly [Labels, number])[]) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  lines(): string[] {
    return this.#read().map(([labels, value]) => `${this.name}${textOf(labels)} ${value}`);
  }
}

/** Counts values by size. */
class Histogram implements Family {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** `bounds`: upper bounds of the buckets, ascending; what is above the last is counted too. */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#count += 1;
    this.#sum += value;
    for (const [i, bound] of this.#bounds.entries()) {
      if (value <= bound) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    }
  }

  lines(): string[] {
    const buckets = this.#bounds.map(
      (bound, i) => `${this.name}_bucket{le="${bound}"} ${this.#counts[i] ?? 0}`,
    );
    return [
      ...buckets,
      `${this.name}_bucket{le="+Inf"} ${this.#count}`,
      `${this.name}_sum ${this.#sum}`,
      `${this.name}_count ${this.#count}`,
    ];
  }
}

/** Text exposition format, version 0.0.4 (prometheus.io, "Exposition formats"). */
const exposition = (families: readonly Family[]): string =>
  families
    .flatMap((family) => [
      `# HELP ${family.name} ${family.help}`,
      `# TYPE ${family.name} ${family.type}`,
      ...family.lines(),
    ])
    .join("\n")
    .concat("\n");

const textOf = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** Upper bounds for the time to a session's first frame, seconds. */
const FIRST_FRAME_BOUNDS = [0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10];
/** Upper bounds for the time one block takes, seconds. */
const BLOCK_BOUNDS = [0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.25, 1];

/** Upper bounds for the distance of sound and picture, seconds; 45 ms are noticed (ITU-R BT.1359). */
const SKEW_BOUNDS = [0.005, 0.01, 0.02, 0.045, 0.1, 0.25, 1];

/** Everything this server counts. Labels have few values and never a session or a person. */
export class ServerMetrics {
  readonly starts = new Counter("zoetrope_session_starts_total", "Sessions asked for, by result.");
  readonly ends = new Counter("zoetrope_session_ends_total", "Sessions ended, by reason.");
  readonly frames = new Counter(
    "zoetrope_frames_total",
    "Frames by what became of them: made, late, sent, dropped.",
  );
  readonly sentBytes = new Counter("zoetrope_sent_bytes_total", "Bytes of media sent to viewers.");
  readonly refused = new Counter("zoetrope_messages_refused_total", "Messages refused, by code.");
  readonly engines = new Counter("zoetrope_engine_events_total", "Engine events, by type.");
  readonly firstFrame = new Histogram(
    "zoetrope_session_first_frame_seconds",
    "From asking for a session, over WebRTC from a viewer's offer, to sending its first frame.",
    FIRST_FRAME_BOUNDS,
  );
  readonly blockTime = new Histogram(
    "zoetrope_block_seconds",
    "Median time of a session's blocks over one second.",
    BLOCK_BOUNDS,
  );

  readonly skew = new Histogram(
    "zoetrope_av_skew_seconds",
    "How far apart sound and picture reach viewers, as their clients measure it.",
    SKEW_BOUNDS,
  );
  readonly freezes = new Counter(
    "zoetrope_freezes_total",
    "Freezes of the picture, as clients measure them.",
  );

  /** A client's own measurement. */
  observed(skewMs: number | undefined, freezes: number): void {
    if (skewMs !== undefined) this.skew.observe(Math.abs(skewMs) / 1000);
    this.freezes.add(freezes);
  }

  /** The text of `/metrics`, with `gauges` read at this moment. */
  exposition(gauges: readonly Gauge[]): string {
    const { starts, ends, frames, sentBytes, refused, engines } = this;
    const { firstFrame, blockTime, skew, freezes } = this;
    return exposition([
      ...[starts, ends, frames, sentBytes, refused, engines],
      ...[firstFrame, blockTime, skew, freezes],
      ...gauges,
    ]);
  }
}
