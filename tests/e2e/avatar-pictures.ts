/** Record the documentation's clip of a face that speaks, and take its picture in the console. */

import { writeFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import type { Session } from "../../clients/web/index.ts";

const MODEL = "avatar";
const START = "june";
const TEXT =
  "Hello. I am made while you watch: every picture of me, the moment before you see it. Type, or talk to me, and I follow.";
const BITRATE = 1_500_000;
/** Before and after it speaks. */
const AROUND_MS = 1_000;
/** Until the console's charts have something to show, and it is in the middle of a sentence. */
const SETTLE_MS = 15_000;
const SPEAKING_MS = 3_000;

/** Let it speak once, into `folder`/avatar.mp4. */
export async function recordAvatar(
  browser: Browser,
  address: string,
  folder: string,
): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${address}/#/`);
  const recordings = `${address}/v1/sessions/${await openSession(page)}/recordings`;
  const begun = await fetch(recordings, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ format: "mp4", bitrate: BITRATE }),
  });
  const { id } = (await begun.json()) as { id: string };
  await page.waitForTimeout(AROUND_MS);
  await page.evaluate(
    (text) => (globalThis as unknown as { session: Session }).session.speech.say(text),
    TEXT,
  );
  await page.waitForTimeout(AROUND_MS);
  await fetch(`${recordings}/${id}`, { method: "DELETE" });
  const file = await fetch(`${address}/v1/recordings/${id}/file`);
  await writeFile(`${folder}/avatar.mp4`, Buffer.from(await file.arrayBuffer()));
  await page.close();
}

/** Its picture in the console while it speaks, `folder`/console-avatar.png. */
export async function photographAvatar(
  browser: Browser,
  address: string,
  folder: string,
): Promise<void> {
  const page = await browser.newPage({
    colorScheme: "dark",
    viewport: { width: 1440, height: 900 },
  });
  await page.goto(`${address}/#/play/${MODEL}`);
  await page.waitForSelector(".status[data-tone=live]");
  await page.waitForTimeout(SETTLE_MS);
  await page.getByLabel("Text to say").fill(TEXT);
  await page.keyboard.press("Enter");
  await page.waitForTimeout(SPEAKING_MS);
  await page.screenshot({ path: `${folder}/console-avatar.png` });
  await page.close();
}

/** A session of the SDK's in the page, as `session`; its id. */
const openSession = (page: Page): Promise<string> =>
  page.evaluate(
    async ({ model, start }) => {
      const sdk = (await import(
        `${location.origin}/zoetrope.js`
      )) as typeof import("../../clients/web/index.ts");
      const session = await sdk.connect({ model, start, transport: "websocket" });
      Object.assign(globalThis, { session });
      return session.id;
    },
    { model: MODEL, start: START },
  );
