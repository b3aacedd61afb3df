/** Take the documentation's pictures of the page, `npm run pictures`: the arcade, played for half a minute, and the avatar, which speaks. */

import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { photographAvatar, recordAvatar } from "./avatar-pictures.ts";
import { openBrowser, PHONE } from "./support/chromium.ts";
import { serve } from "./support/server.ts";

const PICTURES = fileURLToPath(new URL("../../docs/pictures", import.meta.url));
const MODEL = "arcade";
/** Turns of the played game; the page's charts show half a minute. */
const TURNS = 40;
const MOVES = ["ArrowRight", "Space", "ArrowLeft", "Space", "ArrowRight", "ArrowRight", "Space"];
const HOLD_MS = 450;
const REST_MS = 250;

const SCREENS: Readonly<Record<string, BrowserContextOptions>> = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: PHONE,
};

async function play(page: Page): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const key = MOVES[turn % MOVES.length] ?? "Space";
    await page.keyboard.down(key);
    await page.waitForTimeout(HOLD_MS);
    await page.keyboard.up(key);
    await page.waitForTimeout(REST_MS);
  }
}

const server = await serve("--models", "models");
const browser = await openBrowser();
for (const [name, screen] of Object.entries(SCREENS)) {
  const context = await browser.newContext({ colorScheme: "dark", ...screen });
  const page = await context.newPage();
  await page.goto(`${server.address}/#/play/${MODEL}`);
  await page.waitForSelector(".status[data-tone=live]");
  await play(page);
  await page.keyboard.down("ArrowRight");
  await page.waitForTimeout(HOLD_MS);
  await page.screenshot({ path: `${PICTURES}/console-${name}.png` });
  console.log(`${name}: ${(await page.locator(".gauge").allTextContents()).join(" | ")}`);
  await context.close();
}
await photographAvatar(browser, server.address, PICTURES);
await recordAvatar(browser, server.address, PICTURES);
await browser.close();
await server.stop();
