/** Somebody speaks to a face: on the console by text, microphone and picture, and on the example page. */

import { type Browser, chromium } from "playwright-core";
import { PNG } from "pngjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve, type TestServer } from "./support/server.ts";
import { eventually, visit } from "./support/visit.ts";

let server: TestServer;
let browser: Browser;

/** A microphone that is always there, always allowed, and beeps. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];

beforeAll(async () => {
  [server, browser] = await Promise.all([
    serve("--preload", "tiny-speech"),
    chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: FLAGS,
    }),
  ]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

const console_ = () => visit(browser, `${server.address}/#/play/tiny-speech`);

/** The tiny package takes what is red for a face. */
function picture(red: number): Buffer {
  const image = new PNG({ width: 64, height: 64 });
  for (let i = 0; i < image.data.length; i += 4) image.data.set([red, 60, 60, 255], i);
  return PNG.sync.write(image);
}

test("a text that is typed is said, and can be hushed", async () => {
  const { page, heard, sent, close } = await console_();
  await page.getByLabel("Text to say").fill("Hello there. ".repeat(20));
  await page.keyboard.press("Enter");
  await heard("speech.started");
  await eventually(() => page.getByText("Speaking", { exact: true }).waitFor({ timeout: 500 }));
  await page.getByRole("button", { name: "Hush" }).click();
  expect(await heard("speech.finished")).toMatchObject({ interrupted: true, source: "text" });
  await eventually(() => page.getByText("Silent", { exact: true }).waitFor({ timeout: 500 }));
  expect(sent.filter(({ type }) => type === "control.input")).toEqual([]);
  await close();
});

test("a microphone is heard until it is let go", async () => {
  const { page, heard, close } = await console_();
  const created = await heard("session.created");
  const publisher = async () => {
    const answer = await page.request.get(`${server.address}/v1/sessions/${created.session}/whip`, {
      headers: { authorization: `Bearer ${created.token}` },
    });
    return ((await answer.json()) as { publisher: { sound: { packets: number } | null } | null })
      .publisher;
  };
  await page.getByRole("button", { name: "Talk" }).click();
  await eventually(async () => expect((await publisher())?.sound?.packets).toBeGreaterThan(20));
  expect(await heard("speech.started")).toMatchObject({ source: "microphone" });
  await eventually(() => page.getByText("Speaking", { exact: true }).waitFor({ timeout: 500 }));
  await page.getByRole("button", { name: "Stop talking" }).click();
  await eventually(async () => expect(await publisher()).toBeNull());
  expect(await heard("speech.finished")).toMatchObject({ source: "microphone" });
  await eventually(() => page.getByText("Silent", { exact: true }).waitFor({ timeout: 500 }));
  await close();
});

test("a face that is brought is what it begins again from; one without is told to be none", async () => {
  const { page, heard, close } = await console_();
  await heard("generation.started");
  const bring = (red: number) =>
    page.getByLabel("Bring a face").setInputFiles({
      name: "face.png",
      mimeType: "image/png",
      buffer: picture(red),
    });
  await bring(220);
  await heard("generation.reset");
  await bring(10);
  await eventually(() => page.getByText("No face to be seen").waitFor({ timeout: 500 }));
  await close();
});

test("a page of few lines has a face that speaks", async () => {
  const { page, heard, close } = await visit(
    browser,
    `${server.address}/examples/avatar.html?model=tiny-speech`,
    {},
    // What crosses a WebSocket can be watched from here.
    (it) => it.addInitScript(() => Reflect.deleteProperty(globalThis, "RTCPeerConnection")),
  );
  await heard("generation.started");
  await page.getByPlaceholder("Say something").fill("Hi.");
  await page.getByRole("button", { name: "Say it" }).click();
  expect(await heard("speech.started")).toMatchObject({ source: "text" });
  expect(await heard("speech.finished")).toMatchObject({ interrupted: false });
  await close();
});

test("a page that says nothing of delay has the sound of a model that speaks kept with its mouth", async () => {
  const address = `${server.address}/examples/avatar.html?model=tiny-speech`;
  const asked: string[] = [];
  const { heard, close } = await visit(browser, address, {}, async (page) => {
    page.on("request", (request) => asked.push(request.url()));
    // The session's events are heard over the WebSocket, which comes once WebRTC was refused.
    await page.route("**/whep?*", (route) => route.abort());
  });
  await heard("generation.started");
  expect(asked.filter((url) => url.includes("/whep?"))).toEqual([
    expect.stringContaining("delay=default"),
  ]);
  await close();
});
