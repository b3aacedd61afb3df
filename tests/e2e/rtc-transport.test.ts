/** The WebRTC transport alone, against Chromium: what a browser decodes, measures and asks for. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { as, type BitsPerSecond } from "../../src/core/units.ts";
import { openEncoder, openSoundEncoder } from "../../src/media/codecs/open.ts";
import { SAMPLE_RATE, testSignal } from "../../src/media/sound/test-signal.ts";
import { PACKET_MICROS, PACKET_SAMPLES } from "../../src/media/sound-encoder.ts";
import type { RtcHandlers, RtcVideoCodec } from "../../src/transport/webrtc/contract.ts";
import { RtcViewer } from "../../src/transport/webrtc/viewer.ts";
import { openBrowser } from "./support/chromium.ts";

const [WIDTH, HEIGHT, RATE] = [320, 240, 30];
const BITRATE = as<BitsPerSecond>(800_000);
const WAIT = { timeout: 15_000, interval: 20 };

interface Player {
  readonly peer: RTCPeerConnection;
  readonly control: RTCDataChannel;
  readonly heard: string[];
}

declare global {
  interface Window {
    player: Player;
    answer: (offer: string) => Promise<string>;
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** In the page: play what `answer` has. */
async function play(codec: string): Promise<void> {
  const peer = new RTCPeerConnection();
  const control = peer.createDataChannel("control");
  const heard: string[] = [];
  window.player = { peer, control, heard };
  control.onmessage = ({ data }) => heard.push(String(data));
  const video = peer.addTransceiver("video", { direction: "recvonly" });
  const known = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  video.setCodecPreferences(
    known.filter(({ mimeType }) =>
      [`video/${codec}`, "video/rtx"].includes(mimeType.toLowerCase()),
    ),
  );
  peer.addTransceiver("audio", { direction: "recvonly" });
  const element = document.createElement("video");
  element.muted = true;
  peer.ontrack = ({ streams }) => {
    const [only] = streams;
    if (only !== undefined) element.srcObject = only;
    void element.play();
  };
  await peer.setLocalDescription();
  const sdp = await window.answer(peer.localDescription?.sdp ?? "");
  await peer.setRemoteDescription({ type: "answer", sdp });
}

/** One number of the page's statistics. */
const figure = (page: Page, type: string, kind: string, name: string): Promise<number> =>
  page.evaluate(
    async ([wantedType, wantedKind, wantedName]) => {
      const reports = [...(await window.player.peer.getStats()).values()] as Record<
        string,
        unknown
      >[];
      const report = reports.find(
        (each) => each["type"] === wantedType && each["kind"] === wantedKind,
      );
      return Number(report?.[wantedName] ?? 0);
    },
    [type, kind, name] as [string, string, string],
  );

/** Pictures and sound at their own pace until `signal` aborts. */
async function stream(
  viewer: RtcViewer,
  codec: RtcVideoCodec,
  wants: { key: boolean },
  signal: AbortSignal,
) {
  const size = { width: WIDTH, height: HEIGHT, frameRate: RATE };
  const encoder = await openEncoder({ codec, ...size, bitrate: BITRATE });
  const sound = await openSoundEncoder();
  const began = systemClock.now();
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let frame = 0, packet = 0; !signal.aborted; frame++) {
    const pts = Math.round((frame * 1e6) / RATE);
    const wait = began + pts / 1000 - systemClock.now();
    if (wait > 0) await systemClock.sleep(as(wait));
    for (let i = frame % 50; i < rgb.length; i += 50) rgb[i] = frame & 0xff;
    const { key } = wants;
    wants.key = false;
    const picture = await encoder.encode(rgb, as(pts), { key });
    viewer.sendVideo({ codec, pts: as(pts), ...picture });
    for (; packet * PACKET_MICROS <= pts; packet++) {
      const pcm = testSignal(packet * PACKET_SAMPLES, PACKET_SAMPLES, RATE);
      viewer.sendSound({ pts: as(packet * PACKET_MICROS), data: sound.encode(pcm) });
    }
  }
  encoder.close();
  sound.close();
}

/** A page that plays, and the viewer it plays from. */
async function watched(codec: RtcVideoCodec) {
  const page = await browser.newPage();
  const wants = { key: true };
  const told = {
    connected: vi.fn(),
    opened: vi.fn(),
    message: vi.fn<RtcHandlers["message"]>(),
    refused: vi.fn(),
    keyframeWanted: vi.fn(() => {
      wants.key = true;
    }),
    rateChanged: vi.fn(),
    closed: vi.fn<RtcHandlers["closed"]>(),
  };
  const { promise, resolve } = Promise.withResolvers<RtcViewer>();
  await page.exposeFunction("answer", async (offer: string) => {
    const options = { iceServers: [], startBitrate: 2_000_000, maxBitrate: 4_000_000 };
    const viewer = await RtcViewer.answer(
      offer,
      { clock: systemClock, delay: "low", ...options },
      told,
    );
    resolve(viewer);
    return viewer.answerSdp;
  });
  await page.evaluate(play, codec);
  const viewer = await promise;
  const life = new AbortController();
  const streaming = stream(viewer, codec, wants, life.signal);
  closers.push(async () => {
    life.abort();
    await streaming;
    viewer.close();
    await page.close();
  });
  return { page, told, viewer };
}

test.each(["h264", "vp8"] as const)(
  "%s and Opus are decoded, in step by right reports",
  async (codec) => {
    const { page, told, viewer } = await watched(codec);
    expect(viewer.codec).toBe(codec);
    const of = (kind: string, name: string) => figure(page, "inbound-rtp", kind, name);
    await vi.waitFor(
      async () => expect(await of("video", "framesDecoded")).toBeGreaterThan(60),
      WAIT,
    );
    await vi.waitFor(
      async () => expect(await of("audio", "totalSamplesReceived")).toBeGreaterThan(SAMPLE_RATE),
      WAIT,
    );
    expect(await of("video", "packetsLost")).toBe(0);
    const reported = await figure(page, "remote-outbound-rtp", "video", "remoteTimestamp");
    const arrived = await figure(page, "remote-outbound-rtp", "video", "timestamp");
    // The page stamps a report when it comes; between the two lies only the way through this machine.
    expect(Math.abs(arrived - reported)).toBeLessThan(500);
    expect(told.closed).not.toHaveBeenCalled();
    expect(viewer.stats().roundTrip).toBeDefined();
  },
);

test("events and messages cross the control channel", async () => {
  const { page, told, viewer } = await watched("h264");
  await vi.waitFor(() => expect(told.opened).toHaveBeenCalled(), WAIT);
  viewer.send({
    type: "error",
    error: { code: "internal", message: "x", recovery: "retry", detail: {} },
  });
  await vi.waitFor(
    async () => expect(await page.evaluate(() => window.player.heard.join())).toContain("internal"),
    WAIT,
  );
  await page.evaluate(() => window.player.control.send(JSON.stringify({ type: "stats.get" })));
  await vi.waitFor(
    () => expect(told.message).toHaveBeenCalledWith({ type: "stats.get" }, "control"),
    WAIT,
  );
});

test("either side notices that the other left", async () => {
  const first = await watched("h264");
  await vi.waitFor(() => expect(first.told.opened).toHaveBeenCalled(), WAIT);
  await first.page.evaluate(() => window.player.peer.close());
  await vi.waitFor(() => expect(first.told.closed).toHaveBeenCalledWith("the peer left", 0), WAIT);

  const second = await watched("h264");
  await vi.waitFor(() => expect(second.told.opened).toHaveBeenCalled(), WAIT);
  second.viewer.close();
  await vi.waitFor(
    async () =>
      expect(
        await second.page.evaluate(
          () => window.player.peer.getReceivers()[0]?.transport?.state ?? "",
        ),
      ).toBe("closed"),
    WAIT,
  );
});
