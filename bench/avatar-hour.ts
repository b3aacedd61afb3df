/** A face that speaks for an hour, at its own pace, through the whole service: is it as much in step at the end? */

import { clicks } from "./avatar/clicks.ts";
import { Studio } from "./avatar/service.ts";
import { clickSkews, framesPerSecond } from "./avatar/timing.ts";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import type { Sitting } from "./page/sitting.ts";
import { childrenOf } from "./processor-time.ts";
import { residentMegabytes } from "./resident.ts";
import { median, rounded, slope } from "./statistics.ts";

const STANDARD_MINUTES = 60;
const ROUND_SECONDS = 30;
/** Rounds at either end whose skew is compared. */
const COMPARED = 6;
const LOOK_EVERY_MS = 10_000;
const LOOKS_AN_HOUR = 3_600_000 / LOOK_EVERY_MS;
/** Looks until heaps have the size they keep: two minutes. */
const WARM_UP = 12;

/** The model that every figure in the docs is of. */
export const model = "avatar";

/** Let it speak for `length` minutes. */
export async function run({ model, length = STANDARD_MINUTES }: BenchFlags): Promise<BenchFigures> {
  await using studio = await Studio.open(model);
  const { pid } = studio.server;
  const memory: { server: number; engines: number }[] = [];
  const looking = setInterval(() => {
    const engines = childrenOf(pid).map(residentMegabytes);
    memory.push({ server: residentMegabytes(pid), engines: engines.reduce((a, b) => a + b, 0) });
    process.stderr.write(
      `\ravatar-hour: ${Math.round((memory.length * LOOK_EVERY_MS) / 60_000)} min   `,
    );
  }, LOOK_EVERY_MS);
  const { pcm, at } = clicks(ROUND_SECONDS);
  const sitting = await studio.sit({
    ...{ transport: "webrtc", delay: "default", pictures: false },
    sound: Buffer.from(pcm.buffer).toString("base64"),
    rounds: Math.ceil((60 * length) / ROUND_SECONDS),
  });
  clearInterval(looking);
  const settled = memory.slice(memory.length > 2 * WARM_UP ? WARM_UP : 0);
  const slopeOf = (of: "server" | "engines") =>
    rounded(slope(settled.map((look) => look[of])) * LOOKS_AN_HOUR);
  return {
    minutes: length,
    fps: rounded(framesPerSecond(sitting)),
    ...skews(sitting, at),
    server_rss_slope_mb_per_hour: slopeOf("server"),
    engine_rss_slope_mb_per_hour: slopeOf("engines"),
  };
}

function skews(sitting: Sitting, at: readonly number[]): BenchFigures {
  const rounds = sitting.rounds.map((round) => clickSkews(sitting, round, at));
  const first = median(rounds.slice(0, COMPARED).flat());
  const last = median(rounds.slice(-COMPARED).flat());
  return {
    skew_clicks: rounds.flat().length,
    skew_first_ms: rounded(first, 1),
    skew_last_ms: rounded(last, 1),
    skew_change_ms: rounded(last - first, 1),
  };
}
