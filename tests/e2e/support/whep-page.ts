/** A page that plays a WHEP endpoint with nothing but the browser's own RTCPeerConnection. */

import type { Browser } from "playwright-core";
import { eventually } from "./visit.ts";

/** How a page plays. */
export interface WhepWish {
  readonly iceServers?: readonly RTCIceServer[];
  readonly iceTransportPolicy?: RTCIceTransportPolicy;
  /** Candidates of the answer that are kept: those that match; all when absent. */
  readonly keep?: RegExp;
}

/** What a page has got so far. */
export interface WhepSight {
  readonly frames: number;
  readonly sound: number;
  /** Of the selected path. */
  readonly local?: { readonly candidateType: string; readonly protocol: string };
  readonly remote?: { readonly candidateType: string; readonly protocol: string };
  readonly answer: string;
}

/** A session of a server. */
export interface OpenSession {
  readonly id: string;
  readonly token: string;
}

/** Open a session with sound. */
export async function openSession(address: string): Promise<OpenSession> {
  const created = await fetch(new URL("/v1/sessions", address), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
  });
  return (await created.json()) as OpenSession;
}

/** Play a session in a page of its own until pictures and sound have come; tells what was seen then. */
export async function playWhep(
  browser: Browser,
  address: string,
  wish: WhepWish = {},
): Promise<WhepSight> {
  const { id, token } = await openSession(address);
  const page = await browser.newPage();
  try {
    // An empty page of the server's own origin.
    await page.goto(`${address}/healthz`);
    const { iceServers = [], iceTransportPolicy = "all", keep } = wish;
    await page.evaluate(
      async ({ path, bearer, config, kept }) => {
        const peer = new RTCPeerConnection(config);
        for (const kind of ["video", "audio"]) {
          peer.addTransceiver(kind, { direction: "recvonly" });
        }
        await peer.setLocalDescription();
        await new Promise<void>((done) => {
          const look = () => {
            if (peer.iceGatheringState === "complete") done();
          };
          peer.addEventListener("icegatheringstatechange", look);
          look();
        });
        const response = await fetch(path, {
          method: "POST",
          headers: { authorization: `Bearer ${bearer}`, "content-type": "application/sdp" },
          body: peer.localDescription?.sdp ?? "",
        });
        const answer = await response.text();
        const lines = answer.split("\r\n");
        const sdp = lines.filter(
          (line) => !line.startsWith("a=candidate") || kept === null || new RegExp(kept).test(line),
        );
        await peer.setRemoteDescription({ type: "answer", sdp: sdp.join("\r\n") });
        Object.assign(globalThis, { peer, answer });
      },
      {
        path: `/v1/sessions/${id}/whep`,
        bearer: token,
        config: { iceServers: [...iceServers], iceTransportPolicy },
        kept: keep?.source ?? null,
      },
    );
    return await eventually(async () => {
      const sight = await page.evaluate(look);
      if (sight.frames < 10 || sight.sound < 20) throw new Error(JSON.stringify(sight));
      return sight;
    });
  } finally {
    await page.close();
    await fetch(new URL(`/v1/sessions/${id}`, address), { method: "DELETE" });
  }
}

/** Runs in the page. */
async function look(): Promise<WhepSight> {
  const { peer, answer } = globalThis as unknown as { peer: RTCPeerConnection; answer: string };
  const all = [...(await peer.getStats()).values()] as Record<string, unknown>[];
  const inbound = (kind: string) =>
    all.find((stat) => stat["type"] === "inbound-rtp" && stat["kind"] === kind);
  const pair = all.find((stat) => stat["type"] === "candidate-pair" && stat["nominated"] === true);
  const candidate = (id: unknown) => all.find((stat) => stat["id"] === id) as never;
  return {
    frames: Number(inbound("video")?.["framesDecoded"] ?? 0),
    sound: Number(inbound("audio")?.["packetsReceived"] ?? 0),
    local: candidate(pair?.["localCandidateId"]),
    remote: candidate(pair?.["remoteCandidateId"]),
    answer,
  };
}
