/** A browser publishes its camera and microphone by WHIP, trickling, and restarts ICE while it does. */

import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve, type TestServer } from "./support/server.ts";
import { eventually } from "./support/visit.ts";

let server: TestServer;
let browser: Browser;

/** A camera and a microphone that are always there and always allowed. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--disable-features=LocalNetworkAccessChecks",
];
/** A page of another origin: the server's own pages may not use cameras. */
const PAGE = "http://camera.localhost";

beforeAll(async () => {
  [server, browser] = await Promise.all([
    serve("--origins", PAGE),
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

interface Session {
  readonly id: string;
  readonly token: string;
}

interface Published {
  readonly location: string;
  readonly statuses: readonly number[];
}

/** Runs in the page: publish, send a candidate, and look for a path anew. */
async function publish({ whip, token, codec }: { whip: string; token: string; codec: string }) {
  const authorization = `Bearer ${token}`;
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: 640, height: 480 },
    audio: true,
  });
  const peer = new RTCPeerConnection();
  for (const track of stream.getTracks()) {
    const transceiver = peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    const codecs = RTCRtpSender.getCapabilities(track.kind)?.codecs ?? [];
    const wanted = codecs.filter(({ mimeType }) => mimeType === codec);
    if (track.kind === "video") transceiver.setCodecPreferences(wanted);
  }
  await peer.setLocalDescription();
  const answer = await fetch(whip, {
    method: "POST",
    headers: { authorization, "content-type": "application/sdp" },
    body: peer.localDescription?.sdp ?? "",
  });
  const remote = await answer.text();
  await peer.setRemoteDescription({ type: "answer", sdp: remote });
  const location = answer.headers.get("location") ?? "";

  const lines = (sdp: string, pattern: RegExp) =>
    sdp.split("\r\n").filter((it) => pattern.test(it));
  const fragment = (...more: string[]) => {
    const local = peer.localDescription?.sdp ?? "";
    const [ufrag = "", pwd = ""] = [/^a=ice-ufrag/, /^a=ice-pwd/].map((it) => lines(local, it)[0]);
    return [ufrag, pwd, "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", ...more, ""].join("\r\n");
  };
  const patch = (ifMatch: string, body: string) =>
    fetch(new URL(location, whip), {
      method: "PATCH",
      headers: {
        authorization,
        "if-match": ifMatch,
        "content-type": "application/trickle-ice-sdpfrag",
      },
      body,
    });
  const trickled = await patch(answer.headers.get("etag") ?? "", fragment("a=end-of-candidates"));

  peer.restartIce();
  await peer.setLocalDescription();
  const restarted = await patch("*", fragment());
  const theirs = await restarted.text();
  const [ufrag = "", pwd = ""] = [/^a=ice-ufrag/, /^a=ice-pwd/].map((it) => lines(theirs, it)[0]);
  const candidates = lines(theirs, /^a=candidate/);
  let sections = 0;
  const renewed = remote
    .split("\r\n")
    .filter((line) => !/^a=(?:candidate|end-of-candidates)/.test(line))
    .map((line) => (line.startsWith("a=ice-ufrag") ? ufrag : line))
    .map((line) => (line.startsWith("a=ice-pwd") ? pwd : line))
    .flatMap((line) =>
      line.startsWith("a=mid") && sections++ === 0 ? [line, ...candidates] : [line],
    );
  await peer.setRemoteDescription({ type: "answer", sdp: renewed.join("\r\n") });
  return { location, statuses: [answer.status, trickled.status, restarted.status] };
}

test.each(["video/H264", "video/VP8"])("%s and a microphone come in", async (codec) => {
  const page = await (
    await browser.newContext({ permissions: ["camera", "microphone"] })
  ).newPage();
  await page.route(PAGE, (route) => route.fulfill({ contentType: "text/html", body: "" }));
  await page.goto(PAGE);
  const created = await fetch(`${server.address}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable" }),
  });
  const { id, token } = (await created.json()) as Session;
  const whip = `${server.address}/v1/sessions/${id}/whip`;
  const headers = { authorization: `Bearer ${token}` };
  const comesIn = async () => {
    const answer = await fetch(whip, { headers });
    return ((await answer.json()) as { publisher: { video: { frames: number } } }).publisher;
  };

  const { location, statuses }: Published = await page.evaluate(publish, { whip, token, codec });

  expect(statuses).toEqual([201, 204, 200]);
  await eventually(async () => {
    expect(await comesIn()).toMatchObject({
      connected: true,
      video: { codec: codec.slice(6).toLowerCase(), width: 640, height: 480 },
      sound: { codec: "opus" },
    });
  });
  const { video } = await comesIn();
  await eventually(async () => {
    expect((await comesIn()).video.frames).toBeGreaterThan(video.frames + 60);
  });
  const removed = await fetch(new URL(location, server.address), { method: "DELETE", headers });
  expect(removed.status).toBe(200);
  expect(await comesIn()).toBe(null);
  await page.context().close();
});
