/** WebRTC from the encoder to the page, with plain aiortc beside it on the same pictures and sound. */

import type { BenchFigures, BenchFlags } from "./bench.ts";
import { openBrowser } from "./chromium.ts";
import { Relay } from "./relay/relay.ts";
import { startAiortc } from "./webrtc/aiortc.ts";
import { codecs } from "./webrtc/codecs.ts";
import { cost } from "./webrtc/cost.ts";
import { delay } from "./webrtc/delay.ts";
import { encode } from "./webrtc/encode.ts";
import { lasting } from "./webrtc/lasting.ts";
import type { Tools } from "./webrtc/parts.ts";
import { recording } from "./webrtc/recording.ts";
import { refusals } from "./webrtc/refusals.ts";
import { BenchServer } from "./webrtc/server.ts";
import { socket } from "./webrtc/socket.ts";
import { startUp } from "./webrtc/start-up.ts";
import { weather } from "./webrtc/weather.ts";

/** Ten minutes: long enough for a clock that runs apart to show. */
const STANDARD_SECONDS = 600;
/** In this order: the first start of the server must be its cold one. */
const PARTS = {
  ...{ startUp, refusals, delay, weather, cost },
  ...{ encode, codecs, socket, recording, lasting },
};

/** Run every part; `length` is the longest watch in seconds. */
export async function run({ length = STANDARD_SECONDS }: BenchFlags): Promise<BenchFigures> {
  const server = await BenchServer.start();
  const aiortc = await startAiortc();
  const browser = await openBrowser();
  const relay = new Relay();
  const tools: Tools = { server, aiortc, browser, relay, length };
  const figures: Record<string, unknown> = { seconds: length, chromium: browser.version() };
  try {
    for (const [name, part] of Object.entries(PARTS)) {
      Object.assign(figures, await part(tools).catch(failureOf(name)));
    }
    return figures;
  } finally {
    await Promise.all([browser.close(), server.stop(), aiortc.stop(), relay.stop()]);
  }
}

/** A part that fails costs its own figures, and says so in their place. */
const failureOf =
  (part: string) =>
  (cause: unknown): BenchFigures => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    console.error(`webrtc: ${part} failed: ${reason}`);
    return { [`failed_${part}`]: reason };
  };
