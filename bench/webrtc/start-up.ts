/** Bars 3 and 4: how soon a viewer sees something, and how quick the data channel is. */

import type { BenchFigures } from "../bench.ts";
import type { RtcStart } from "../page/rtc-observation.ts";
import { quantile, rounded } from "../statistics.ts";
import { WatchPage } from "./browser.ts";
import { pause, say, seconds, type Tools } from "./parts.ts";
import type { Source } from "./source.ts";

const STARTS = 20;
const QUICK_STARTS = 5;
const PING_SECONDS = 10;

/** Measure Zoetrope and aiortc. The first start of a server is its cold one. */
export async function startUp(tools: Tools): Promise<BenchFigures> {
  const own = await startsOf(tools, tools.server);
  const other = await startsOf(tools, tools.aiortc);
  return {
    starts: own.warm.length,
    post_to_201_ms: rounded(quantile(own.posts, 0.5)),
    post_to_201_max_ms: rounded(quantile(own.posts, 1)),
    post_to_201_cold_ms: own.cold?.postTo201,
    post_to_connected_ms: rounded(
      quantile(
        own.warm.map(({ connected }) => connected),
        0.5,
      ),
    ),
    first_frame_p50_ms: rounded(quantile(own.firstFrames, 0.5)),
    first_frame_p95_ms: rounded(quantile(own.firstFrames, 0.95)),
    first_frame_range_ms: [
      rounded(quantile(own.firstFrames, 0)),
      rounded(quantile(own.firstFrames, 1)),
    ],
    aiortc_post_to_201_ms: rounded(quantile(other.posts, 0.5)),
    aiortc_first_frame_p50_ms: rounded(quantile(other.firstFrames, 0.5)),
    aiortc_first_frame_p95_ms: rounded(quantile(other.firstFrames, 0.95)),
    ...(await roundTrips(tools)),
  };
}

interface Starts {
  readonly cold: RtcStart | undefined;
  readonly warm: readonly RtcStart[];
  readonly posts: readonly number[];
  readonly firstFrames: readonly number[];
}

/** One viewer after another; a stream of its own for each. */
async function startsOf({ browser, length }: Tools, source: Source): Promise<Starts> {
  const count = length < 60 ? QUICK_STARTS : STARTS;
  say(`${count} starts at ${source.name}`);
  const page = await WatchPage.open(browser, source);
  const starts: RtcStart[] = [];
  for (let i = 0; i <= count; i++) {
    const stream = await source.open();
    const watching = await page.watch(stream.target());
    starts.push(watching.start);
    await watching.close();
    await stream.close();
  }
  await page.close();
  const [cold, ...warm] = starts;
  const posts = warm.map(({ postTo201 }) => postTo201);
  return { cold, warm, posts, firstFrames: warm.map(({ firstFrame }) => firstFrame) };
}

/** `session.ping` over the channel `control` while media flows. */
async function roundTrips(tools: Tools): Promise<BenchFigures> {
  const length = seconds(tools, PING_SECONDS);
  say(`data channel, ${length} s`);
  const page = await WatchPage.open(tools.browser, tools.server);
  const stream = await tools.server.open();
  const watching = await page.watch({ ...stream.target({ delay: "low" }), pings: true });
  await pause(length);
  const { roundTrips: measured } = await watching.observation();
  await watching.close();
  await stream.close();
  await page.close();
  return {
    data_channel_rtt_p50_ms: rounded(quantile(measured, 0.5)),
    data_channel_rtt_p95_ms: rounded(quantile(measured, 0.95)),
  };
}
