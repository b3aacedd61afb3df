/** A WHEP player that nobody here wrote plays a session, and leaves nothing behind. */

import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually } from "./support/visit.ts";
import { openSession } from "./support/whep-page.ts";

const PAGE = `<!doctype html><title>player</title><video autoplay muted playsinline></video>`;
/** `address` and `authorization` come in the page's address. */
const SCRIPT = `
  import { WebRTCPlayer } from "@eyevinn/webrtc-player";
  const asked = new URLSearchParams(location.search);
  const video = document.querySelector("video");
  const player = new WebRTCPlayer({ video, type: "whep", iceServers: [], statsTypeFilter: "^inbound-rtp" });
  const heard = { level: 0, packets: 0 };
  player.on("stats:inbound-rtp", (report) => {
    if (report.kind !== "audio") return;
    heard.level = Math.max(heard.level, report.audioLevel ?? 0);
    heard.packets = report.packetsReceived;
  });
  Object.assign(window, { player, heard });
  await player.load(new URL(asked.get("address"), location.href), asked.get("authorization"));
`;

let server: TestServer;
let browser: Browser;
let script: string;

beforeAll(async () => {
  const bundled = build({
    stdin: { contents: SCRIPT, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "error",
  });
  [server, browser] = await Promise.all([serve(), openBrowser()]);
  script = (await bundled).outputFiles[0]?.text ?? "";
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

/** What the page sees and hears. */
const LOOK = `({
  time: document.querySelector("video").currentTime,
  width: document.querySelector("video").videoWidth,
  ...window.heard,
})`;

test("@eyevinn/webrtc-player shows pictures, plays sound, and is gone when it is closed", async () => {
  const { id, token } = await openSession(server.address);
  const viewers = async () => {
    const described = await fetch(new URL(`/v1/sessions/${id}`, server.address));
    return ((await described.json()) as { viewers: number }).viewers;
  };
  const page = await browser.newPage();
  const requests: string[] = [];
  page.on("response", (response) => {
    if (!response.url().includes("/whep")) return;
    requests.push(`${response.request().method()} ${response.status()}`);
  });
  await page.route("**/foreign.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: script }),
  );
  await page.route("**/foreign?*", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `${PAGE}<script type="module" src="/foreign.js"></script>`,
    }),
  );
  const asked = new URLSearchParams({
    address: `/v1/sessions/${id}/whep`,
    authorization: `Bearer ${token}`,
  });

  await page.goto(`${server.address}/foreign?${asked.toString()}`);
  // Whoever has clicked may hear.
  await page.click("video");
  await page.evaluate("player.unmute()");
  const look = () => page.evaluate<Record<string, number>>(LOOK);
  const first = await eventually(async () => {
    const seen = await look();
    if (!seen["time"] || !seen["packets"]) throw new Error(JSON.stringify(seen));
    return seen;
  });
  await eventually(async () => {
    const seen = await look();
    const goesOn =
      Number(seen["time"]) > Number(first["time"]) + 1 &&
      Number(seen["packets"]) > Number(first["packets"]) &&
      Number(seen["level"]) > 0;
    if (!goesOn) throw new Error(JSON.stringify(seen));
  });
  expect(first["width"]).toBeGreaterThan(0);
  expect(await viewers()).toBe(1);

  await page.evaluate("player.unload()");
  await eventually(async () => {
    expect(await viewers()).toBe(0);
  });
  expect(requests).toEqual(["POST 201", "DELETE 200"]);
  await page.close();
});
