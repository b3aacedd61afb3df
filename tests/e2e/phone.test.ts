/** The page on a phone: fingers play, nothing is cut off. */

import type { Browser, CDPSession, Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, PHONE } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually, type Visit, visit } from "./support/visit.ts";

let server: TestServer;
let browser: Browser;
let here: Visit;
let touch: CDPSession;

beforeAll(async () => {
  [server, browser] = await Promise.all([serve(), openBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

beforeEach(async () => {
  here = await visit(browser, `${server.address}/?markers#/play/tiny-separable`, PHONE);
  touch = await here.page.context().newCDPSession(here.page);
  await here.markerWhen(() => true);
});

afterEach(async () => {
  await here.close();
});

const finger = (type: "touchStart" | "touchEnd", x = 0, y = 0) =>
  touch.send("Input.dispatchTouchEvent", {
    type,
    touchPoints: type === "touchStart" ? [{ x, y }] : [],
  });

async function expectInside(button: Locator, screen: { width: number; height: number }) {
  const name = (await button.getAttribute("aria-label")) ?? "";
  const box = await button.boundingBox();
  if (box === null) throw new Error(`${name} is not shown`);
  expect(box.x, name).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width, name).toBeLessThanOrEqual(screen.width);
  expect(box.y + box.height, name).toBeLessThanOrEqual(screen.height);
}

test("a finger on the pad holds its control until it is lifted", async () => {
  const key = await here.page.getByRole("button", { name: "Left" }).boundingBox();
  if (key === null) throw new Error("the pad is not shown");
  await finger("touchStart", key.x + key.width / 2, key.y + key.height / 2);
  const applied = await here.heard("input.applied");
  expect(here.held()).toEqual({ left: 1 });
  await here.markerWhen(({ epoch }) => epoch >= applied.epoch);
  await finger("touchEnd");
  await eventually(() => {
    expect(here.held()).toEqual({ left: 0 });
  });
});

test.each([
  ["portrait", { width: 390, height: 844 }],
  ["landscape", { width: 844, height: 390 }],
  ["small portrait", { width: 320, height: 568 }],
])("in %s everything fits: no scrolling sideways, every button on the screen", async (_, size) => {
  await here.page.setViewportSize(size);
  await eventually(async () => {
    const picture = await here.page.locator(".frame").boundingBox();
    expect(picture?.width).toBeGreaterThan(size.height > size.width ? size.width * 0.7 : 200);
    expect((picture?.x ?? 0) + (picture?.width ?? 0)).toBeLessThanOrEqual(size.width + 1);
  });
  const scrolls = await here.page.evaluate(() => document.documentElement.scrollWidth);
  expect(scrolls).toBeLessThanOrEqual(size.width);
  for (const button of await here.page.locator("button:visible").all()) {
    await expectInside(button, size);
  }
});

test("numbers and settings open over the picture and close again", async () => {
  const toggle = here.page.getByRole("button", { name: "Numbers and settings" });
  await toggle.click();
  await here.page.getByText("Denoising steps").waitFor();
  expect(await toggle.getAttribute("aria-expanded")).toBe("true");
  await toggle.click();
  await here.page.getByText("Denoising steps").waitFor({ state: "hidden" });
});
