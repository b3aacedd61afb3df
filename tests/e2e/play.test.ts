/** Playing a world on the page: the real server, a tiny package, a real browser, markers read at the glass. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
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

const WORLD = "/?markers#/play/tiny-separable";
const isLive = (page: Visit["page"]) => page.waitForSelector(".status[data-tone=live]");

test("the library leads to a world whose pictures move", async () => {
  here = await visit(browser, `${server.address}/?markers`);
  await here.page.getByRole("link", { name: /Tiny separable/ }).click();
  await isLive(here.page);
  const first = await here.markerWhen(() => true);
  const later = await here.markerWhen(({ frame }) => frame > first.frame + 10);
  expect(later.epoch).toBe(0);
  expect(here.page.url()).toContain("#/play/tiny-separable");
});

describe("in a running world", () => {
  beforeEach(async () => {
    here = await visit(browser, server.address + WORLD);
    await here.markerWhen(() => true);
  });

  test("a key held down is a control held, and the picture shows the epoch it was applied in", async () => {
    await here.page.keyboard.down("ArrowLeft");
    const accepted = await here.heard("input.accepted");
    const applied = await here.heard("input.applied");
    expect(here.held()).toEqual({ left: 1 });
    expect(applied.epoch).toBeGreaterThanOrEqual(accepted.epoch);
    expect(applied.event_ids).toContain(accepted.event_id);
    const shown = await here.markerWhen(({ epoch }) => epoch >= applied.epoch);
    expect(shown.frame).toBeGreaterThanOrEqual(applied.frame);
    expect(await here.page.locator(".key--held").textContent()).toContain("Left");

    await here.page.keyboard.up("ArrowLeft");
    await eventually(() => {
      expect(here.held()).toEqual({ left: 0 });
    });
  });

  test("letting go of the window lets go of the keys", async () => {
    await here.page.keyboard.down("ArrowLeft");
    await here.heard("input.applied");
    await here.page.evaluate(() => window.dispatchEvent(new Event("blur")));
    await eventually(() => {
      expect(here.held()).toEqual({ left: 0 });
    });
  });

  test("pause stands still, a step makes one block, resume goes on", async () => {
    const { page } = here;
    await page.keyboard.press("p");
    const paused = await here.heard("generation.paused");
    await page.waitForSelector(".status[data-tone=paused]");
    const still = await here.markerWhen(({ frame }) => frame >= paused.block - 1);
    await page.keyboard.press(".");
    const stepped = await here.markerWhen(({ frame }) => frame > still.frame);
    expect(stepped.frame).toBe(still.frame + 1);
    await page.getByRole("button", { name: "Resume" }).click();
    await here.markerWhen(({ frame }) => frame > stepped.frame + 5);
  });

  test("starting over keeps the frame numbers going and says so", async () => {
    const before = here.events.length;
    await here.page.getByRole("button", { name: "Start over" }).click();
    const reset = await here.heard("generation.reset", before);
    await here.markerWhen(({ frame }) => frame > reset.block);
  });

  test("the form follows the schema: steps and seed change while it runs, nonsense is refused", async () => {
    const { page } = here;
    const steps = page.getByRole("radiogroup", { name: "Denoising steps" });
    await steps.getByText("1", { exact: true }).click();
    await eventually(async () => {
      expect((await here.heard("session.updated")).parameters.steps).toBe(1);
    });

    const seed = page.getByLabel("Seed", { exact: true });
    await seed.fill("4711");
    await seed.press("Enter");
    await eventually(async () => {
      const newest = await here.heard("session.updated");
      expect(newest.parameters).toMatchObject({ steps: 1, seed: 4711 });
    });
    await seed.fill("-5");
    await seed.press("Enter");
    expect(here.sent.some((sent) => JSON.stringify(sent).includes("-5"))).toBe(false);
  });

  test("a press with the mouse gives the keys back to the game; a slider reached by keyboard keeps them", async () => {
    const { page } = here;
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.waitForFunction(() => document.activeElement instanceof HTMLCanvasElement);

    await page.getByRole("slider", { name: "Window" }).focus();
    const inputs = here.sent.filter(({ type }) => type === "control.input").length;
    const before = here.events.length;
    await page.keyboard.press("ArrowLeft");
    const updated = await here.heard("session.updated", before);
    expect(updated.parameters.window_frames).toBe(14);
    expect(here.sent.filter(({ type }) => type === "control.input")).toHaveLength(inputs);
  });

  test("a choice no key drives is made in the panel, and stays when the window is left", async () => {
    const mood = here.page.getByRole("radiogroup", { name: "Mood" });
    await mood.getByText("wild").click();
    const applied = await here.heard("input.applied");
    expect(here.held()).toEqual({ mood: "wild" });
    await here.markerWhen(({ epoch }) => epoch >= applied.epoch);
    await here.page.evaluate(() => window.dispatchEvent(new Event("blur")));
    await here.markerWhen(({ frame }) => frame > applied.frame + 5);
    expect(here.held()).toEqual({ mood: "wild" });
  });

  test("the page itself never scrolls, however long the panel is", async () => {
    const { page } = here;
    await page.setViewportSize({ width: 1280, height: 600 });
    const hidden = await page
      .locator(".panel")
      .evaluate((box) => box.scrollHeight - box.clientHeight);
    const beyond = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);

    expect(hidden).toBeGreaterThan(0);
    expect(beyond).toBeLessThanOrEqual(0);
  });

  test("the numbers are measured: frame rate, interval, latency and the memory's size", async () => {
    await here.page.keyboard.press("ArrowLeft");
    for (const label of ["Input to picture", "Frame rate", "Frame interval", "Memory"]) {
      const value = here.page.getByLabel(label, { exact: true }).locator(".gauge__value");
      await eventually(async () => {
        expect(Number(await value.textContent())).toBeGreaterThan(0);
      });
    }
  });
});

describe("the memory of a model whose slots are open", () => {
  beforeEach(async () => {
    here = await visit(browser, `${server.address}/?markers#/play/tiny-open`);
    await here.markerWhen(({ frame }) => frame > 10);
  });

  test("is shown by kind and age, and follows the policy that is chosen", async () => {
    const memory = here.page.getByRole("region", { name: "Memory" });
    await memory.getByText("Window").waitFor();
    await here.page.getByLabel("Policy").selectOption("convkv");

    const configured = await here.heard("cache.configured");
    expect(configured.cache).toMatchObject({ policy: "convkv", kernel: "learned" });
    await memory.getByText("Compressed").waitFor();
    await here.page.getByText("Compresses groups of older frames.").waitFor();
    const chart = memory.getByRole("img");
    expect(await chart.getAttribute("aria-label")).toContain("compressed");
  });

  test("has only the settings of its policy, and its storage changes while it runs", async () => {
    const { page } = here;
    const threshold = page.getByRole("slider", { name: "Merge threshold" });
    expect(await threshold.isVisible()).toBe(false);
    await page.getByLabel("Policy").selectOption("tempcache");
    await threshold.waitFor();

    const before = here.events.length;
    await page.getByRole("radiogroup", { name: "Storage" }).getByText("8 bit").click();
    expect((await here.heard("cache.configured", before)).cache.storage).toBe("int8");
  });

  test("is emptied, and pictures go on", async () => {
    await here.page.getByRole("button", { name: "Empty the memory" }).click();

    const reset = await here.heard("cache.reset");
    expect(reset.keep_sinks).toBe(false);
    await here.markerWhen(({ frame }) => frame > reset.block + 5);
  });
});

test("a gamepad plays: its stick is a control, and letting go is letting go", async () => {
  here = await visit(browser, server.address + WORLD, undefined, (page) =>
    page.addInitScript(() => {
      const button = { pressed: false, touched: false, value: 0 };
      const buttons = Array.from({ length: 17 }, () => ({ ...button }));
      const pad = { axes: [0, 0, 0, 0], buttons, connected: true, index: 0, mapping: "standard" };
      Object.assign(window, { pad });
      navigator.getGamepads = () => [pad as unknown as Gamepad];
    }),
  );
  await here.markerWhen(() => true);
  await here.page.waitForSelector(".key--gamepad.is-connected");
  const push = (value: number) =>
    here.page.evaluate((pushed) => {
      const { pad } = window as unknown as { pad: { buttons: { value: number }[] } };
      Object.assign(pad.buttons[14] ?? {}, { value: pushed, pressed: pushed > 0 });
    }, value);
  await push(1);
  const applied = await here.heard("input.applied");
  await here.markerWhen(({ epoch }) => epoch >= applied.epoch);
  await push(0);
  await eventually(() => {
    expect(here.held()).toEqual({ left: 0 });
  });
});
