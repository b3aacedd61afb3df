/** What goes wrong on the way: lost connections, servers that are full or gone, models that die. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openBrowser } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually, type Visit, visit } from "./support/visit.ts";
import { layWire, type Wire } from "./support/wire.ts";

const WORLD = "/?markers#/play/tiny-separable";

let browser: Browser;
let here: Visit;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
});

afterEach(async () => {
  await here.close();
});

const title = (text: string) => here.page.getByRole("heading", { name: text }).waitFor();

describe("on a wire that can be cut", () => {
  let server: TestServer;
  let wire: Wire;

  beforeAll(async () => {
    server = await serve("--grace", "20");
    wire = await layWire(server.port);
  });

  afterAll(async () => {
    wire.close();
    await server.stop();
  });

  test("a lost connection is said, and the same session goes on when it is back", async () => {
    here = await visit(browser, wire.address + WORLD);
    const created = await here.heard("session.created");
    const before = await here.markerWhen(() => true);
    wire.cut();
    await title("Reconnecting");
    wire.mend();
    const resumed = await here.heard("session.resumed");
    expect(resumed.session).toBe(created.session);
    const after = await here.markerWhen(({ frame }) => frame > before.frame);
    await here.page.getByRole("heading", { name: "Reconnecting" }).waitFor({ state: "hidden" });
    const heard = here.events.length;
    await here.page.keyboard.down("ArrowLeft");
    const applied = await here.heard("input.applied", heard);
    expect(applied.frame).toBeGreaterThan(after.frame);
  });

  test("a key held while the connection is lost is still held when it is back", async () => {
    here = await visit(browser, wire.address + WORLD);
    await here.markerWhen(() => true);
    await here.page.keyboard.down("ArrowLeft");
    await here.heard("input.applied");
    const before = here.events.length;
    wire.cut();
    await title("Reconnecting");
    wire.mend();
    await here.heard("input.applied", before);
    expect(here.held()).toMatchObject({ left: 1 });
  });

  test("a model that is not there is said in words, and the way back leads to those that are", async () => {
    here = await visit(browser, `${server.address}/#/play/no-such-world`);
    await title("This model is not here");
    await here.page.getByRole("button", { name: "All worlds" }).click();
    await here.page.getByRole("link", { name: /Tiny separable/ }).waitFor();
  });

  test("a server without models says what to do", async () => {
    here = await visit(browser, server.address, undefined, (page) =>
      page.route("**/v1/models", (route) => route.fulfill({ json: { models: [] } })),
    );
    await title("There is no world here yet");
    await here.page.getByText("--models").waitFor();
  });

  test("a server that does not answer is said in the library, and found again on request", async () => {
    wire.cut();
    here = await visit(browser, server.address);
    await here.page.route("**/v1/models", (route) => route.abort());
    await here.page.reload();
    await title("The server does not answer");
    await here.page.unroute("**/v1/models");
    await here.page.getByRole("button", { name: "Try again" }).click();
    await here.page.getByRole("link", { name: /Tiny separable/ }).waitFor();
    wire.mend();
  });
});

test("a full server says so, and lets the page in when there is room", async () => {
  const server = await serve("--sessions", "1");
  onTestFinished(() => server.stop());
  const first = await visit(browser, server.address + WORLD);
  await first.markerWhen(() => true);
  here = await visit(browser, server.address + WORLD);
  await title("All seats are taken");
  await first.page.goto(server.address);
  await eventually(async () => {
    await here.page.getByRole("button", { name: "Try again" }).click({ timeout: 1_000 });
    expect((await here.heard("session.created")).state).not.toBe("ended");
  });
  await here.markerWhen(() => true);
  await first.close();
});

test("a session nobody touches ends with a word, and a new one can be had", async () => {
  const server = await serve("--idle", "2");
  onTestFinished(() => server.stop());
  here = await visit(browser, server.address + WORLD);
  const created = await here.heard("session.created");
  await title("Still there?");
  const before = here.events.length;
  await here.page.getByRole("button", { name: "Start again" }).click();
  const again = await here.heard("session.created", before);
  expect(again.session).not.toBe(created.session);
});

describe("a model that dies", () => {
  let server: TestServer;
  let killed: number;

  beforeAll(async () => {
    server = await serve("--preload", "tiny-separable");
    killed = 0;
  });

  afterAll(async () => {
    await server.stop();
  });

  /** Kill the engine that runs now, if it is another than the one killed before. */
  const killEngine = () => {
    const pid = server.enginePid();
    if (pid === killed) return;
    killed = pid;
    process.kill(pid, "SIGKILL");
  };

  test("is started again, and the stream goes on where it was", async () => {
    here = await visit(browser, server.address + WORLD);
    const before = await here.markerWhen(({ frame }) => frame > 3);
    killEngine();
    await here.page.getByText("The model was restarted").waitFor();
    await here.markerWhen(({ frame }) => frame > before.frame + 5);
  });

  test("again and again is given up with a word", async () => {
    here = await visit(browser, server.address + WORLD);
    await here.markerWhen(() => true);
    const stopped = here.page.getByRole("heading", { name: "The model stopped" });
    await eventually(async () => {
      killEngine();
      expect(await stopped.isVisible()).toBe(true);
    });
    expect((await here.heard("session.ended")).reason).toBe("engine_lost");
  });
});
