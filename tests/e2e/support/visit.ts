/** A page of the console in a real browser, what crossed its sockets, and what is in its picture. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { vi } from "vitest";
import { type Marker, readMarker } from "../../../src/core/marker.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";

/** How long a condition may take, and a whole test: a browser on a busy machine is slow. */
const DEADLINE_MS = 30_000;
vi.setConfig({ testTimeout: 4 * DEADLINE_MS, hookTimeout: 4 * DEADLINE_MS });

const DESKTOP: BrowserContextOptions = { viewport: { width: 1120, height: 740 } };

/** Wait until `check` throws no more, or let its error through after the deadline. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: DEADLINE_MS, interval: 25 });

/** The event of this type. */
type EventOf<Type, Event = ServerEvent> = Event extends { readonly type: infer Types }
  ? Type extends Types
    ? Event
    : never
  : never;

/** What a page says and hears. */
export interface Visit {
  readonly page: Page;
  /** Every event the server sent this page, oldest first. */
  readonly events: readonly ServerEvent[];
  /** Every message this page sent, oldest first. */
  readonly sent: readonly ClientMessageInput[];
  /** What the newest `control.input` said; undefined before the first. */
  readonly held: () => Readonly<Record<string, number | string>> | undefined;
  /** The newest event of `type`; waits for one beyond the first `after` events. */
  readonly heard: <Type extends ServerEvent["type"]>(
    type: Type,
    after?: number,
  ) => Promise<EventOf<Type>>;
  /** The marker in the picture right now, or null. */
  readonly marker: () => Promise<Marker | null>;
  /** The marker once it is there and `accepts` it. */
  readonly markerWhen: (accepts: (marker: Marker) => boolean) => Promise<Marker>;
  readonly close: () => Promise<void>;
}

/** Open `address` in a browser of its own, listening from the start. */
export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = DESKTOP,
  prepare: (page: Page) => Promise<unknown> = () => Promise.resolve(),
): Promise<Visit> {
  const context = await browser.newContext({ colorScheme: "dark", ...options });
  const page = await context.newPage();
  const events: ServerEvent[] = [];
  const sent: ClientMessageInput[] = [];
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload === "string") events.push(JSON.parse(payload) as ServerEvent);
    });
    socket.on("framesent", ({ payload }) => {
      if (typeof payload === "string") sent.push(JSON.parse(payload) as ClientMessageInput);
    });
  });
  // What crosses a WebSocket can be watched from here; what crosses WebRTC is told by tests of their own.
  await page.addInitScript(() => {
    localStorage.setItem("zoetrope.transport", "websocket");
  });
  await prepare(page);
  await page.goto(address);
  const marker = () => readPicture(page);
  return {
    page,
    events,
    sent,
    marker,
    held: () => sent.findLast((message) => message.type === "control.input")?.values,
    heard: (type, after = 0) =>
      eventually(() => {
        const found = events.slice(after).findLast((event) => event.type === type);
        if (found === undefined) throw new Error(`no ${type} came`);
        return found as EventOf<typeof type>;
      }),
    markerWhen: (accepts) =>
      eventually(async () => {
        const found = await marker();
        if (found === null || !accepts(found)) throw new Error(`saw ${JSON.stringify(found)}`);
        return found;
      }),
    close: () => context.close(),
  };
}

/** Read the marker of the page's canvas, pixel by pixel as it is shown. */
async function readPicture(page: Page): Promise<Marker | null> {
  const picture = await page.evaluate(() => {
    const canvas = document.querySelector("canvas[role=img], #screen");
    if (!(canvas instanceof HTMLCanvasElement)) return null;
    const { width, height } = canvas;
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
    return { width, pixels: [...pixels] };
  });
  return picture && readMarker(picture.pixels, picture.width, 4);
}
