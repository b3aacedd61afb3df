/** Playing and watching over WebRTC and what is heard: the real server, a tiny package, a real browser. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openBrowser } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually, type Visit, visit } from "./support/visit.ts";

let server: TestServer;
let browser: Browser;
let here: Visit;

beforeAll(async () => {
  [server, browser] = await Promise.all([serve(), openBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

afterEach(async () => {
  await here.close();
});

const world = (transport: string) =>
  `${server.address}/?markers&transport=${transport}#/play/tiny-separable`;
const isLive = (page: Page) => page.waitForSelector(".status[data-tone=live]");
const gauge = (page: Page, label: string) =>
  page.getByLabel(label, { exact: true }).locator(".gauge__detail");
const over = (page: Page, transport: string) =>
  gauge(page, "Round trip").getByText(`over ${transport}`).waitFor();

/** Break every later peer connection of a page before it can connect. */
const withoutRtc = (page: Page) =>
  page.addInitScript(
    `RTCPeerConnection.prototype.setRemoteDescription = () => Promise.reject(new Error("blocked"));`,
  );

/** Let a page's newest peer connection be closed from a test, as a network does. */
const withBreakableRtc = (page: Page) =>
  page.addInitScript(() => {
    const Real = RTCPeerConnection;
    class Breakable extends Real {
      constructor(...args: ConstructorParameters<typeof Real>) {
        super(...args);
        Object.assign(window, { newestPeer: this });
      }
    }
    window.RTCPeerConnection = Breakable;
  });

/** A page with the SDK, a session in `window.session`, and its newest `stats` in `window.stats`. */
async function sdkPage(options: string): Promise<void> {
  here = await visit(browser, server.address);
  await here.page.evaluate(`(async () => {
    const sdk = await import("/zoetrope.js");
    window.sdk = sdk;
    window.session = await sdk.connect({ model: "tiny-separable", ${options} });
    session.on("stats", (stats) => { window.stats = stats; });
  })()`);
}

test("without being told, a world is played over WebRTC: pictures move and follow the keys", async () => {
  here = await visit(browser, world("auto"));
  await isLive(here.page);
  await over(here.page, "WebRTC");
  const first = await here.markerWhen(() => true);
  await here.markerWhen(({ frame }) => frame > first.frame + 10);
  await here.page.keyboard.down("ArrowLeft");
  await here.markerWhen(({ epoch }) => epoch > first.epoch);
  expect(here.events).toEqual([]);
  const latency = here.page.getByLabel("Input to picture", { exact: true });
  await eventually(async () => {
    expect(Number(await latency.locator(".gauge__value").textContent())).toBeGreaterThan(0);
  });
});

test("where WebRTC does not get through, the session that was made goes on over the WebSocket", async () => {
  here = await visit(browser, world("auto"), undefined, withoutRtc);
  await isLive(here.page);
  await here.markerWhen(({ frame }) => frame > 5);
  expect(here.sent[0]).toMatchObject({ type: "session.resume" });
  await over(here.page, "WebSocket");
});

test("a WebRTC connection that breaks in the middle gives way: same session, same keys held", async () => {
  here = await visit(browser, world("auto"), undefined, withBreakableRtc);
  await isLive(here.page);
  const before = await here.markerWhen(() => true);
  await here.page.keyboard.down("ArrowLeft");
  const held = await here.markerWhen(({ epoch }) => epoch > before.epoch);
  await here.page.evaluate(`{
    Object.defineProperty(newestPeer, "connectionState", { value: "failed" });
    newestPeer.dispatchEvent(new Event("connectionstatechange"));
  }`);
  await here.heard("session.resumed");
  await here.page.getByText("Connected by WebSocket").waitFor();
  await here.markerWhen(({ frame }) => frame > held.frame + 5);
  expect(here.held()).toMatchObject({ left: 1 });
});

test("another way can be taken while it runs", async () => {
  here = await visit(browser, `${server.address}/?markers#/play/tiny-separable`);
  const before = await here.markerWhen(() => true);
  await over(here.page, "WebSocket");
  const way = here.page.getByRole("radiogroup", { name: "Way" });
  await way.getByText("WebRTC").click();
  await over(here.page, "WebRTC");
  await here.markerWhen(({ frame }) => frame > before.frame + 10);
});

test("a refusal over WebRTC has the server's own code", async () => {
  here = await visit(browser, server.address);
  const code = await here.page.evaluate(`import("/zoetrope.js")
    .then(({ connect }) => connect({ model: "no-such-world", transport: "webrtc" }))
    .catch((error) => error.code)`);
  expect(code).toBe("unknown_model");
});

test("whoever has the watch link sees the session and steers nothing", async () => {
  here = await visit(browser, world("auto"), {
    viewport: { width: 1120, height: 740 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await isLive(here.page);
  await here.page.getByRole("button", { name: /^Share/ }).click();
  await here.page.getByText("Link copied").waitFor();
  const link = await here.page.evaluate<string>("navigator.clipboard.readText()");
  const guest = await visit(browser, link);
  await isLive(guest.page);
  await guest.page.getByRole("heading", { name: /^Watching Tiny/ }).waitFor();
  expect(await guest.page.getByRole("button", { name: "Pause" }).count()).toBe(0);
  const seen = await guest.markerWhen(() => true);
  await here.page.keyboard.down("ArrowLeft");
  await guest.markerWhen(({ epoch }) => epoch > seen.epoch);
  await guest.close();
  const after = await here.markerWhen(() => true);
  await here.markerWhen(({ frame }) => frame > after.frame + 5);
});

test("a viewer's command is refused with `unauthorized`, over both transports", async () => {
  await sdkPage('transport: "websocket"');
  const codes =
    await here.page.evaluate(`Promise.all(["webrtc", "websocket"].map(async (transport) => {
    const viewer = await sdk.watch({ session: session.id, token: session.viewerToken, transport });
    const code = await viewer.pause().catch((error) => error.code);
    viewer.stop();
    return [viewer.role, code, session.state === "paused"];
  }))`);
  expect(codes).toEqual([
    ["viewer", "unauthorized", false],
    ["viewer", "unauthorized", false],
  ]);
});

test.each(["webrtc", "websocket"])(
  "over %s sound is heard, captured and measured against the picture",
  async (transport) => {
    await sdkPage(`transport: "${transport}", parameters: { sound: "test" }`);
    await here.page.mouse.click(5, 5);
    await here.page.evaluate(`{
    const stream = session.captureStream();
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    window.tracks = stream.getTracks().map(({ kind }) => kind).sort();
    window.loudest = () => {
      analyser.getFloatTimeDomainData(samples);
      return Math.max(...samples.map(Math.abs));
    };
  }`);
    expect(await here.page.evaluate("tracks")).toEqual(["audio", "video"]);
    await eventually(async () => {
      expect(await here.page.evaluate("loudest()")).toBeGreaterThan(0.05);
      expect(await here.page.evaluate("session.audio.locked")).toBe(false);
      expect(typeof (await here.page.evaluate("stats.network.skew"))).toBe("number");
    });
  },
);
