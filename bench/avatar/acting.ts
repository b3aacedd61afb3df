/** What the pictures show that came out of the whole service: lips against the sound, and who it is. */

import type { BenchFigures } from "../bench.ts";
import { quantile, rounded } from "../statistics.ts";
import type { Candidate } from "./audition.ts";
import { type HeadProbe, type HeadReading, likeness, rgbOf } from "./probe.ts";
import type { Studio } from "./service.ts";
import { correlation, saidFrames } from "./timing.ts";

/** Frames until the new face has settled. */
const SETTLED = 16;

/** One candidate, as the page saw them. */
interface Act {
  readonly candidate: Candidate;
  readonly reference: HeadReading;
  /** By the index of what was said. */
  readonly read: ReadonlyMap<number, HeadReading>;
}

/** Let every candidate speak with their own face, and read what was shown. */
export async function acting(
  studio: Studio,
  candidates: readonly Candidate[],
  probe: HeadProbe,
): Promise<BenchFigures> {
  const acts: Act[] = [];
  for (const [i, candidate] of candidates.entries()) {
    console.error(`avatar: person ${i + 1} of ${candidates.length}`);
    acts.push(await act(studio, candidate, probe));
  }
  const tracks = acts.map((one) => trackOf(one));
  const other = (i: number) => acts[(i + 1) % acts.length];
  const shuffled = acts.map((one, i) => trackOf(one, other(i)?.candidate));
  return {
    people: acts.length,
    frames: tracks.reduce((sum, { read }) => sum + read.length, 0),
    lip_corr: ofAll(tracks),
    lip_corr_range: rangeOf(tracks.map((track) => correlation(track.read, track.true))),
    lip_corr_ceiling: ofAll(
      tracks.map(({ ceiling, true: truth }) => ({ read: ceiling, true: truth })),
    ),
    lip_corr_shuffled: ofAll(shuffled),
    identity_sim: rounded(
      quantile(
        acts.flatMap((one) => likenesses(one, one)),
        0.5,
      ),
      4,
    ),
    identity_sim_shuffled: rounded(
      quantile(
        acts.flatMap((one, i) => likenesses(one, other(i) ?? one)),
        0.5,
      ),
      4,
    ),
  };
}

async function act(studio: Studio, candidate: Candidate, probe: HeadProbe): Promise<Act> {
  const sitting = await studio.sit({
    ...{ transport: "websocket", delay: "low", pictures: true },
    picture: candidate.picture.toString("base64"),
    sound: candidate.sound.toString("base64"),
  });
  const pictures = Buffer.from(sitting.pictures, "base64");
  const read = new Map<number, HeadReading>();
  for (const { index, said } of saidFrames(sitting, candidate.opening.length)) {
    const rgb = pictures.subarray(index * probe.bytes, (index + 1) * probe.bytes);
    if (said >= SETTLED && rgb.length === probe.bytes) read.set(said, await probe.read(rgb));
  }
  return { candidate, reference: await probe.read(rgbOf(candidate.picture)), read };
}

interface Track {
  readonly read: readonly number[];
  readonly true: readonly number[];
}

/** The opening as it was read, beside what `candidate` truly did. */
function trackOf(
  { read, candidate: own }: Act,
  candidate: Candidate = own,
): Track & { ceiling: number[] } {
  const frames = [...read].toSorted(([a], [b]) => a - b);
  const at = (track: readonly number[]) => frames.map(([said]) => track[said] ?? 0);
  return {
    read: frames.map(([, { opening }]) => opening),
    true: at(candidate.opening),
    ceiling: at(candidate.readFromTruth),
  };
}

const ofAll = (tracks: readonly Track[]): number =>
  rounded(
    correlation(
      tracks.flatMap(({ read }) => read),
      tracks.flatMap((track) => track.true),
    ),
    4,
  );

const rangeOf = (values: readonly number[]): number[] => [
  rounded(quantile(values, 0), 4),
  rounded(quantile(values, 1), 4),
];

const likenesses = ({ read }: Act, { reference }: Act): number[] =>
  [...read.values()].map(({ identity }) => likeness(identity, reference.identity));
