/** Pictures and files: every codec decodes, a broken decoder gives way, recordings play. */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openBrowser } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually, type Visit, visit } from "./support/visit.ts";

const run = promisify(execFile);

/** The origin of a page that is not the server's; its files are made up here. */
const ELSEWHERE = "http://localhost:9000";

let server: TestServer;
let browser: Browser;
let here: Visit;

beforeAll(async () => {
  [server, browser] = await Promise.all([serve("--origins", ELSEWHERE), openBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

afterEach(async () => {
  await here.close();
});

const world = (codec: string) => `${server.address}/?markers&codec=${codec}#/play/tiny-separable`;

test.each([
  ["h264", /^avc1\./],
  ["vp8", /^vp8$/],
  ["rgb", /^rgb$/],
])(
  "%s is decoded: its markers are read back from the page, one after the other",
  async (codec, name) => {
    here = await visit(browser, world(codec));
    expect((await here.heard("media.config")).codec).toMatch(name);
    const first = await here.markerWhen(() => true);
    await here.markerWhen(({ frame }) => frame > first.frame + 5);
    const acks = here.sent.filter((message) => message.type === "media.ack");
    expect(acks.at(-1)?.sequence).toBeGreaterThan(acks[0]?.sequence ?? 0);
  },
);

test("a session is also a media stream, for a video element", async () => {
  here = await visit(browser, server.address);
  const size = await here.page.evaluate(`(async () => {
    const { connect } = await import("/zoetrope.js");
    const session = await connect({ model: "tiny-separable" });
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = session.captureStream();
    await video.play();
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    session.stop();
    return { width: video.videoWidth, height: video.videoHeight, state: session.state };
  })()`);
  expect(size).toEqual({ width: 32, height: 32, state: "ended" });
});

test("a refusal has the server's own code", async () => {
  here = await visit(browser, server.address);
  const code = await here.page.evaluate(`import("/zoetrope.js")
    .then(({ connect }) => connect({ model: "no-such-world" }))
    .catch((error) => error.code)`);
  expect(code).toBe("unknown_model");
});

test("a canvas that is in use for something else is refused with the reason", async () => {
  here = await visit(browser, server.address);
  const error = await here.page.evaluate(`(async () => {
    const { connect } = await import("/zoetrope.js");
    const canvas = document.createElement("canvas");
    canvas.getContext("bitmaprenderer");
    return connect({ model: "tiny-separable", transport: "websocket", canvas })
      .catch(({ code, message }) => ({ code, message }));
  })()`);
  expect(error).toMatchObject({ code: "internal" });
  expect(here.sent.at(-1)).toEqual({ type: "session.stop" });
});

test("without its decoding worker the page says that it cannot show pictures, and lets the session go", async () => {
  here = await visit(browser, `${server.address}/#/play/tiny-separable`, undefined, (page) =>
    page.route("**/decode-worker.js", (route) => route.abort()),
  );
  await here.page.getByRole("heading", { name: "No common picture format" }).waitFor();
  expect(here.sent.at(-1)).toEqual({ type: "session.stop" });
});

test("a decoder that keeps failing gives way to the next codec, and the session goes on", async () => {
  here = await visit(
    browser,
    `${server.address}/?markers#/play/tiny-separable`,
    undefined,
    (page) =>
      page.route("**/decode-worker.js", async (route) => {
        const response = await route.fetch();
        const sabotage = `const Real = VideoDecoder; globalThis.VideoDecoder = class extends Real {
        configure(config) { if (config.codec.startsWith("avc1")) throw new Error("broken"); super.configure(config); }
      };`;
        await route.fulfill({ response, body: sabotage + (await response.text()) });
      }),
  );
  const created = await here.heard("session.created");
  const resumed = await here.heard("session.resumed");
  expect(resumed.session).toBe(created.session);
  await eventually(async () => {
    expect((await here.heard("media.config")).codec).toBe("vp8");
  });
  await here.markerWhen(({ frame }) => frame > 5);
});

/** Packets that reached the page and were decoded, or thrown away. */
const acknowledged = (): number =>
  here.sent.findLast((message) => message.type === "media.ack")?.sequence ?? 0;

test.each([
  ["h264", "mp4", "h264"],
  ["vp8", "webm", "vp8"],
])("a recording of %s is a playable %s file", async (codec, extension, stream) => {
  here = await visit(browser, world(codec));
  await here.markerWhen(() => true);
  await here.page.getByRole("button", { name: "Record", exact: true }).click();
  await here.page.locator(".badge").waitFor();
  const before = acknowledged();
  await eventually(() => {
    expect(acknowledged()).toBeGreaterThan(before + 30);
  });
  const [file] = await Promise.all([
    here.page.waitForEvent("download"),
    here.page.getByRole("button", { name: "Stop recording" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(new RegExp(`^tiny-separable-.*\\.${extension}$`));
  const { stdout } = await run("ffprobe", [
    ...["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "json"],
    ...["-show_entries", "stream=codec_name,width,height,nb_read_frames", await file.path()],
  ]);
  const { streams } = JSON.parse(stdout) as { streams: Record<string, string>[] };
  expect(streams[0]).toMatchObject({ codec_name: stream, width: 64, height: 64 });
  expect(Number(streams[0]?.["nb_read_frames"])).toBeGreaterThan(10);
});

/** The example of the SDK's README, with the changes that a test needs, at `/example.html`. */
async function withExample(page: Page, change: (html: string) => string): Promise<void> {
  const readme = await readFile(new URL("../../clients/web/README.md", import.meta.url), "utf8");
  const example = /```html\n([\s\S]*?)```/.exec(readme)?.[1];
  if (example === undefined) throw new Error("the README has no example");
  const html = example.replace(
    /model: "[a-z-]+"/,
    'model: "tiny-separable", transport: "websocket", media: { markers: true }',
  );
  await page.route("**/example.html", (route) =>
    route.fulfill({ contentType: "text/html", body: `<!doctype html>${change(html)}` }),
  );
}

test.each([
  ["as it is written", () => server.address, (html: string) => html],
  [
    "from another origin, given the server's address",
    () => ELSEWHERE,
    (html: string) =>
      html
        .replace('"/zoetrope.js"', `"${server.address}/zoetrope.js"`)
        .replace("connect({", `connect({ url: "${server.address}",`),
  ],
])("the example of the SDK's README works %s", async (_title, origin, change) => {
  here = await visit(browser, `${origin()}/example.html`, undefined, (page) =>
    withExample(page, change),
  );
  await here.markerWhen(() => true);
  await here.page.keyboard.down("ArrowLeft");
  const applied = await here.heard("input.applied");
  await here.markerWhen(({ epoch }) => epoch >= applied.epoch);
});
