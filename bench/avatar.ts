/** A face that speaks: how soon, how well, in step, and as the same person for an hour. */

import { resolve } from "node:path";
import { acting } from "./avatar/acting.ts";
import { audition } from "./avatar/audition.ts";
import { drift } from "./avatar/drift.ts";
import { HeadProbe } from "./avatar/probe.ts";
import { Studio, timing } from "./avatar/service.ts";
import type { BenchFigures, BenchFlags } from "./bench.ts";

/** Minutes of media time over which drift is looked at. */
const STANDARD_MINUTES = 60;
const PEOPLE = 4;
/** Seconds that each of them speaks, and that clicks go on. */
const SECONDS = 12;
const CLICK_SECONDS = 30;
/** People who are timed over each way to the page. */
const TIMED = 2;

/** The model that every figure in the docs is of. */
export const model = "avatar";

/** Measure all of it; `length` is minutes of drift. */
export async function run({ model, length = STANDARD_MINUTES }: BenchFlags): Promise<BenchFigures> {
  const candidates = await audition(PEOPLE, SECONDS);
  const probe = await HeadProbe.open(resolve("models", model));
  const [first] = candidates;
  if (first === undefined) throw new Error("nobody came to the audition");
  const live = await throughTheService(model, async (studio) => ({
    ...(await timing(studio, candidates.slice(0, TIMED), CLICK_SECONDS)),
    ...(await acting(studio, candidates, probe)),
  }));
  return { ...live, ...(await drift(model, first, probe, length)) };
}

async function throughTheService(
  model: string,
  measure: (studio: Studio) => Promise<BenchFigures>,
): Promise<BenchFigures> {
  await using studio = await Studio.open(model);
  return await measure(studio);
}
