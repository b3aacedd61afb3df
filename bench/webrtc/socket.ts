/** Bars 5 and 10: the second transport, the WebSocket, on the same pictures. */

import { once } from "node:events";
import { WebSocket } from "ws";
import { decodeMediaFrame } from "../../src/protocol/media-frame.ts";
import { SUBPROTOCOL } from "../../src/protocol/messages.ts";
import type { BenchFigures } from "../bench.ts";
import type { RtcObservation } from "../page/rtc-observation.ts";
import { quantile, rounded } from "../statistics.ts";
import { WatchPage } from "./browser.ts";
import { pause, say, seconds, type Tools } from "./parts.ts";
import { agesOf } from "./seen.ts";
import type { BenchServer } from "./server.ts";

const WATCH_SECONDS = 30;
const BEFORE_SECONDS = 5;
const PAUSED_SECONDS = 8;
const AFTER_SECONDS = 3;
const LOOK_EVERY_SECONDS = 1;
const SETTLE_FRAMES = 60;
/** A viewer this close to another's newest frame is back. */
const LIVE_FRAMES = 3;
const MEBIBYTE = 2 ** 20;

/** Measure a page, then two clients of which one stops reading for a while. */
export async function socket(tools: Tools): Promise<BenchFigures> {
  const shown = await watch(tools);
  const ages = agesOf(shown.slice(SETTLE_FRAMES));
  return {
    e2e_ws_p50_ms: rounded(quantile(ages, 0.5)),
    e2e_ws_p95_ms: rounded(quantile(ages, 0.95)),
    ...(await paused(tools.server)),
  };
}

async function watch(tools: Tools): Promise<RtcObservation["shown"]> {
  const length = seconds(tools, WATCH_SECONDS);
  say(`zoetrope over the WebSocket, ${length} s`);
  const page = await WatchPage.open(tools.browser, tools.server, "socket");
  const shown = await page.page.evaluate(
    (time) =>
      (
        globalThis as unknown as {
          watchSocket: (model: string, seconds: number) => Promise<RtcObservation["shown"]>;
        }
      ).watchSocket("tiny-separable", time),
    length,
  );
  await page.close();
  return shown;
}

async function paused(server: BenchServer): Promise<BenchFigures> {
  say(`a WebSocket viewer that stops reading for ${PAUSED_SECONDS} s`);
  const { id, token, viewer_token: viewerToken, close } = await server.open();
  const healthy = await Client.join(server, id, token);
  const slow = await Client.join(server, id, viewerToken);
  await pause(BEFORE_SECONDS);
  const { held } = await server.usage(true);
  const pausedAt = performance.now();
  slow.pause();
  let most = held;
  while (performance.now() - pausedAt < PAUSED_SECONDS * 1000) {
    await pause(LOOK_EVERY_SECONDS);
    most = Math.max(most, (await server.usage(true)).held);
  }
  const resumedAt = performance.now();
  slow.resume();
  await pause(AFTER_SECONDS);
  const back = slow.frames.find(
    ([at, frame]) => at > resumedAt && frame >= healthy.newestAt(at) - LIVE_FRAMES,
  );
  const p95 = (from: number, to: number) => quantile(healthy.gaps(from, to), 0.95);
  const figures = {
    paused_ws_growth_mb: rounded((most - held) / MEBIBYTE),
    paused_ws_resume_ms: rounded((back?.[0] ?? Infinity) - resumedAt),
    paused_ws_others_p95_change_ms: rounded(
      p95(pausedAt, resumedAt) - p95(pausedAt - BEFORE_SECONDS * 1000, pausedAt),
    ),
  };
  healthy.close();
  slow.close();
  await close();
  return figures;
}

/** A client that acknowledges what it reads. Lifetime: until `close`. */
class Client {
  readonly frames: (readonly [at: number, frame: number])[] = [];
  readonly #socket: WebSocket;

  private constructor(socketOpen: WebSocket) {
    this.#socket = socketOpen;
    socketOpen.on("message", (data: Buffer, isBinary) => {
      if (!isBinary) return;
      const { sequence, frame } = decodeMediaFrame(data).header;
      this.frames.push([performance.now(), frame]);
      socketOpen.send(JSON.stringify({ type: "media.ack", sequence }));
    });
  }

  static async join({ address }: BenchServer, session: string, token: string): Promise<Client> {
    const url = new URL("/v1/realtime", address);
    url.protocol = "ws:";
    const opening = new WebSocket(url, SUBPROTOCOL);
    await once(opening, "open");
    const client = new Client(opening);
    const media = { codecs: ["h264"], bitrate: 1_500_000 };
    opening.send(JSON.stringify({ type: "session.resume", session, token, media }));
    return client;
  }

  /** The newest frame that had come by `at`. */
  newestAt(at: number): number {
    return this.frames.findLast(([came]) => came <= at)?.[1] ?? -1;
  }

  gaps(from: number, to: number): number[] {
    const times = this.frames.map(([at]) => at).filter((at) => at >= from && at <= to);
    return times.slice(1).map((at, i) => at - (times[i] ?? at));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.close();
  }
}
