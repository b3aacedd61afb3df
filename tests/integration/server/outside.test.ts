import { mkdtemp, readFile, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { serve, type TestServer } from "../../e2e/support/server.ts";
import { RtcClient } from "../../support/rtc-client.ts";
import { until } from "../../support/service.ts";

const RECORDER = new URL("../../support/record-destinations.ts", import.meta.url).href;
const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .map(({ address }) => address);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "destinations-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Play a session of `server` over WebRTC until pictures have come. */
async function play(server: TestServer): Promise<void> {
  const created = await fetch(new URL("/v1/sessions", server.address), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
  });
  const { id, token } = (await created.json()) as { id: string; token: string };
  const client = new RtcClient();
  let packets = 0;
  client.video.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(() => {
      packets += 1;
    });
  });
  const answer = await fetch(new URL(`/v1/sessions/${id}/whep`, server.address), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    // The server learns of the client by its checks.
    body: (await client.offer()).replaceAll(/^a=candidate.*\r\n/gm, ""),
  });
  expect(answer.status).toBe(201);
  await client.accept(await answer.text());
  await until(() => packets > 30, "pictures");
  await client.close();
}

/** What a server with `flags`, and its engine, talked to while a session was played. */
async function destinations(flags: readonly string[]): Promise<string[]> {
  const file = join(folder, flags.join("").replaceAll(/\W/g, "") || "default");
  vi.stubEnv("NODE_OPTIONS", `--import ${RECORDER}`);
  vi.stubEnv("DESTINATIONS", file);
  const server = await serve(...flags);
  vi.unstubAllEnvs();
  await play(server);
  await server.stop();
  return (await readFile(file, "utf8")).trim().split("\n");
}

test.each([
  ["that listens on this machine", []],
  ["that listens everywhere", ["--host", "0.0.0.0", "--open", "--rtc-tcp"]],
])("a server %s, and its engine, talk to nobody but the viewer", async (_what, flags) => {
  const lines = await destinations(flags);

  expect(lines.some((line) => line.startsWith("udp "))).toBe(true);
  const names = ["localhost", "127.0.0.1", "0.0.0.0", "::", "::1", ...own];
  expect(lines.filter((line) => !names.includes(line.split(" ")[1] ?? ""))).toEqual([]);
});

test("a STUN server is asked once it is named", async () => {
  expect(await destinations(["--ice", "stun:127.0.0.77:3478"])).toContain("udp 127.0.0.77");
});
