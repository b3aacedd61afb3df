/** Paths that are not straight: over a TURN server (coturn), and over TCP where UDP is blocked. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser } from "./support/chromium.ts";
import { serve, type TestServer } from "./support/server.ts";
import { eventually } from "./support/visit.ts";
import { playWhep } from "./support/whep-page.ts";

/** Debian's package; the executable is in a folder of root's. */
const TURNSERVER = process.env["TURNSERVER"] ?? "turnserver";
const USER = "somebody";
const SECRET = "with-a-secret";

/** Browsers leave loopback out; what they reach is an address of this machine. */
const address =
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";

let browser: Browser;
let turn: ChildProcess;
let folder: string;
let port: number;
let server: TestServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turn-"));
  port = await freePort();
  turn = spawn(
    TURNSERVER,
    [
      ...["-n", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech", "--realm=test"],
      ...[`--listening-ip=${address}`, `--relay-ip=${address}`, `--listening-port=${port}`],
      ...[`--user=${USER}:${SECRET}`, `--userdb=${join(folder, "turndb")}`],
      ...["--log-file=stdout", `--pidfile=${join(folder, "pid")}`],
    ],
    { stdio: "ignore", env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` } },
  );
  await eventually(() => reach(port));
  [server, browser] = await Promise.all([
    serve(
      ...["--rtc-addresses", address, "--rtc-tcp"],
      ...["--ice", `turn:${address}:${port}?user=${USER}&credential=${SECRET}`],
    ),
    openBrowser(),
  ]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
  turn.kill();
  await once(turn, "exit");
  await rm(folder, { recursive: true, force: true });
});

const iceServers = () => [{ urls: `turn:${address}:${port}`, username: USER, credential: SECRET }];

test("a browser that may only use its relay gets pictures and sound", async () => {
  const sight = await playWhep(browser, server.address, {
    iceServers: iceServers(),
    iceTransportPolicy: "relay",
  });
  expect(sight.local).toMatchObject({ candidateType: "relay" });
});

test("a server announces a relay of its own, which a browser needs to know no other address of", async () => {
  const sight = await playWhep(browser, server.address, {
    iceServers: iceServers(),
    iceTransportPolicy: "relay",
    keep: /typ relay/,
  });
  expect(sight.answer).toMatch(/a=candidate:.* udp .* typ relay/);
});

test("a browser that has nothing but TCP gets pictures and sound", async () => {
  const sight = await playWhep(browser, server.address, { keep: /tcptype passive/ });
  expect(sight.answer).not.toMatch(/tcptype active/);
  expect(sight.remote).toMatchObject({ candidateType: "host", protocol: "tcp" });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, address);
  await once(probe, "listening");
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  return free;
}

async function reach(at: number): Promise<void> {
  const socket = connect(at, address);
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}
