/** Pages that watch streams. */

import type { Browser, Page } from "playwright-core";
import type { RtcBench, RtcObservation, RtcStart, RtcWish } from "../page/rtc-observation.ts";
import { pageScript } from "../page-script.ts";
import type { RelayedLeg } from "../relay/relay.ts";
import type { Source } from "./source.ts";

/** Scripts for pages, and what each offers once it ran. */
const SCRIPTS = {
  rtc: { entry: "bench/page/rtc.ts", global: "rtcBench" },
  socket: { entry: "bench/page/socket.ts", global: "watchSocket" },
} as const;

/** A stream that a page watches. Lifetime: until `close`. */
export interface Watching {
  readonly start: RtcStart;
  observation(): Promise<RtcObservation>;
  close(): Promise<void>;
}

/** A page of a source's origin. Lifetime: until `close`. */
export class WatchPage {
  readonly page: Page;
  #leg: RelayedLeg | undefined;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Open the first page of `source`, with a script of the bench in it. */
  static async open(
    browser: Browser,
    source: Source,
    script: keyof typeof SCRIPTS = "rtc",
  ): Promise<WatchPage> {
    // The server's pages run no inline script; this one is the bench's own.
    const page = await browser.newPage({ bypassCSP: true });
    const watchPage = new WatchPage(page);
    const leg = () => {
      if (watchPage.#leg === undefined) throw new Error("no way through the relay is open");
      return watchPage.#leg;
    };
    await page.exposeFunction("relayOffer", (sdp: string) => leg().offer(sdp));
    await page.exposeFunction("relayAnswer", (sdp: string) => leg().answer(sdp));
    await page.goto(source.origin);
    const { entry, global } = SCRIPTS[script];
    await page.addScriptTag({ content: await pageScript(entry), type: "module" });
    await page.waitForFunction((name) => name in globalThis, global);
    return watchPage;
  }

  /** Watch a stream, through `leg` when there is one; settles with the first picture. */
  async watch(wish: RtcWish, leg?: RelayedLeg): Promise<Watching> {
    this.#leg = leg;
    const { page } = this;
    const { id, start } = await page.evaluate(
      (options) => (globalThis as unknown as { rtcBench: RtcBench }).rtcBench.open(options),
      { ...wish, isRelayed: leg !== undefined },
    );
    const observe = (watched: number) =>
      (globalThis as unknown as { rtcBench: RtcBench }).rtcBench.observation(watched);
    const close = (watched: number) =>
      (globalThis as unknown as { rtcBench: RtcBench }).rtcBench.close(watched);
    return {
      start,
      observation: () => page.evaluate(observe, id),
      close: () => page.evaluate(close, id),
    };
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
