/** The whole service: a server, headless Chromium, and somebody who speaks to it. */

import type { Browser, Page } from "playwright-core";
import type { BenchFigures } from "../bench.ts";
import { openBrowser } from "../chromium.ts";
import type { Round, Sitting, SittingOptions } from "../page/sitting.ts";
import { pageScript } from "../page-script.ts";
import { type RunningServer, startServer } from "../server.ts";
import { quantile, rounded } from "../statistics.ts";
import type { Candidate } from "./audition.ts";
import { clicks } from "./clicks.ts";
import { clickSkews, framesPerSecond, mouthDelays, tornMs } from "./timing.ts";

/** Of each sound of clicks: short, so that one that is torn takes few of them along. */
const CLICK_SECONDS = 4;
/** Ways to the page; the first one, which the SDK asks for where a model speaks, has no prefix. */
const WAYS = [
  { prefix: "", transport: "webrtc", delay: "default" },
  { prefix: "low_", transport: "webrtc", delay: "low" },
  { prefix: "ws_", transport: "websocket", delay: "low" },
] as const;

/** A page of a running server. Lifetime: until disposed. */
export class Studio implements AsyncDisposable {
  readonly server: RunningServer;
  readonly #model: string;
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(parts: {
    server: RunningServer;
    model: string;
    browser: Browser;
    page: Page;
  }) {
    this.server = parts.server;
    this.#model = parts.model;
    this.#browser = parts.browser;
    this.#page = parts.page;
  }

  static async open(model: string): Promise<Studio> {
    const server = await startServer(model);
    const browser = await openBrowser();
    // The server's pages run no inline script; this one is the bench's own.
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(new URL("/v1/models", server.address).href);
    await page.addScriptTag({ content: await pageScript("bench/page/sit.ts"), type: "module" });
    await page.waitForFunction(() => "sit" in globalThis);
    return new Studio({ server, model, browser, page });
  }

  sit(options: Omit<SittingOptions, "model">): Promise<Sitting> {
    const wish: SittingOptions = { ...options, model: this.#model };
    return this.#page.evaluate(
      (it) => (globalThis as unknown as { sit: (it: SittingOptions) => Promise<Sitting> }).sit(it),
      wish,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    this.server.stop();
  }
}

/** How soon a mouth moves, and how sound lies to sight, over every way to the page. */
export async function timing(
  studio: Studio,
  candidates: readonly Candidate[],
  seconds: number,
): Promise<BenchFigures> {
  const figures: Record<string, unknown> = {};
  for (const { prefix, ...way } of WAYS) {
    console.error(`avatar: ${way.transport}, delay ${way.delay}`);
    const delays: number[] = [];
    const rates: number[] = [];
    const said: Round[] = [];
    for (const { sound } of candidates) {
      const sitting = await studio.sit({
        ...way,
        sound: sound.toString("base64"),
        pictures: false,
      });
      delays.push(...mouthDelays(sitting));
      rates.push(framesPerSecond(sitting));
      said.push(...sitting.rounds);
    }
    const { pcm, at } = clicks(CLICK_SECONDS);
    const sound = Buffer.from(pcm.buffer).toString("base64");
    const rounds = Math.ceil(seconds / CLICK_SECONDS);
    const clicked = await studio.sit({ ...way, sound, rounds, pictures: false });
    const skews = clicked.rounds.flatMap((round) => clickSkews(clicked, round, at));
    said.push(...clicked.rounds);
    Object.assign(figures, {
      [`${prefix}fps`]: rounded(quantile(rates, 0.5)),
      [`${prefix}speech_to_mouth_p50_ms`]: rounded(quantile(delays, 0.5), 1),
      [`${prefix}speech_to_mouth_p95_ms`]: rounded(quantile(delays, 0.95), 1),
      [`${prefix}torn`]: [said.filter((round) => tornMs(round) > 0).length, said.length],
      [`${prefix}skew_clicks`]: skews.length,
      [`${prefix}skew_p50_ms`]: rounded(quantile(skews, 0.5), 1),
      [`${prefix}skew_abs_p95_ms`]: rounded(quantile(skews.map(Math.abs), 0.95), 1),
    });
  }
  return figures;
}
