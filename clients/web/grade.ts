/** How good a connection is, and what holds it back. */

/** A grade a person understands. */
export type QualityGrade = "good" | "fair" | "poor";

/** What holds a connection back. */
export type QualityLimit = "loss" | "bandwidth" | "distance" | "server" | "decoder";

/** A grade, and what is to blame where it is not good. */
export interface Quality {
  readonly grade: QualityGrade;
  readonly limit: QualityLimit | undefined;
}

/** What a grade is made of; counts are of the time since the grade before. */
export interface QualityFacts {
  /** Frames the model makes each second of media time. */
  readonly nominalRate: number;
  /** Frames the server made in its last second; undefined while it makes none on purpose, or has not said. */
  readonly madeRate: number | undefined;
  /** Frames drawn each second. */
  readonly drawnRate: number;
  /** Share of packets lost, in [0, 1]. */
  readonly loss: number;
  /** Milliseconds. */
  readonly roundTrip: number | undefined;
  /** The server sends less than was asked for, to fit the network. */
  readonly isReduced: boolean;
  /** Frames the server skipped because they were not acknowledged in time. */
  readonly skippedByServer: number;
  /** Frames that came and were not shown, and failures of the decoder. */
  readonly lostHere: number;
  readonly freezes: number;
}

/** From which value on something is fair, and from which it is poor. */
type Bounds = readonly [fair: number, poor: number];

const LOSS: Bounds = [0.02, 0.08];
/** Milliseconds: input is felt to lag, and the game cannot be played. */
const ROUND_TRIP: Bounds = [120, 300];
/** Share of the nominal rate that the server, and this client, falls short. */
const SHORTFALL: Bounds = [0.1, 0.35];
/** Share of half a second's frames that come and are not shown. */
const NOT_SHOWN: Bounds = [0.2, 0.5];

/** 0 good, 1 fair, 2 poor. */
const rank = (value: number, [fair, poor]: Bounds): number =>
  value >= poor ? 2 : value >= fair ? 1 : 0;

const GRADES: readonly QualityGrade[] = ["good", "fair", "poor"];

/** Grade a connection by its worst fact; of equals the one that explains most is named. */
export function gradeOf(facts: QualityFacts): Quality {
  const { madeRate, nominalRate, drawnRate } = facts;
  if (madeRate === undefined) return { grade: "good", limit: undefined };
  const shortOf = (rate: number, whole: number) => (whole > 0 ? Math.max(0, 1 - rate / whole) : 0);
  const undrawn = rank(shortOf(drawnRate, madeRate), SHORTFALL);
  const shownBadly = Math.max(undrawn, facts.freezes > 0 ? 1 : 0);
  const causes: readonly (readonly [QualityLimit, number])[] = [
    ["server", rank(shortOf(madeRate, nominalRate), SHORTFALL)],
    ["loss", rank(facts.loss, LOSS)],
    ["bandwidth", facts.skippedByServer > 0 || facts.isReduced ? Math.max(1, undrawn) : 0],
    ["distance", rank(facts.roundTrip ?? 0, ROUND_TRIP)],
    ["decoder", decoderRank(facts, undrawn)],
  ];
  const worst = causes.reduce((a, b) => (b[1] > a[1] ? b : a));
  if (worst[1] > 0) return { grade: GRADES[worst[1]] ?? "poor", limit: worst[0] };
  // Nothing explains it: the network held the frames back.
  return { grade: GRADES[shownBadly] ?? "good", limit: shownBadly > 0 ? "bandwidth" : undefined };
}

/** A decoder is to blame when frames came and were not shown. */
function decoderRank({ lostHere, madeRate = 0 }: QualityFacts, undrawn: number): number {
  if (lostHere === 0 || undrawn === 0) return 0;
  return Math.max(undrawn, rank(lostHere / Math.max(1, madeRate / 2), NOT_SHOWN));
}
