/** Runs in the page: watches streams over WHEP and notes when each picture is shown and each click is heard. */

import { readMarker } from "../../src/core/marker.ts";
import { ClickFinder } from "./click-finder.ts";
import type { RtcBench, RtcObservation, RtcStart, RtcWish } from "./rtc-observation.ts";

/** A marker's cells lie in one row of this many pixels. */
const MARKER = { width: 448, height: 8 } as const;
const LOOK_EVERY_MS = 500;
const PING_EVERY_MS = 100;

declare global {
  interface Window {
    /** Given by the bench: the offer and the answer as the relay wants them. */
    relayOffer(sdp: string): Promise<string>;
    relayAnswer(sdp: string): Promise<string>;
  }
}

/** One stream that is watched. Lifetime: until `close`. */
class Watch {
  readonly #wish: RtcWish;
  readonly #peer = new RTCPeerConnection();
  readonly #video = document.createElement("video");
  readonly #ears = new ClickFinder();
  readonly #shown: [number, number, number][] = [];
  readonly #received: [number, number][] = [];
  readonly #roundTrips: number[] = [];
  readonly #first = Promise.withResolvers<number>();
  readonly #canvas = new OffscreenCanvas(MARKER.width, MARKER.height).getContext("2d", {
    willReadFrequently: true,
  });
  #resource: string | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #unread = 0;
  #facts = { nacks: 0, plis: 0, codec: "" };
  #heldMs = { video: 0, audio: 0 };

  constructor(wish: RtcWish) {
    this.#wish = wish;
  }

  async start(): Promise<RtcStart> {
    const stream = new MediaStream();
    this.#video.srcObject = stream;
    this.#video.autoplay = true;
    document.body.append(this.#video);
    this.#peer.addEventListener("track", ({ track }) => {
      stream.addTrack(track);
      if (track.kind === "audio") void this.#listen(track as MediaStreamAudioTrack);
    });
    this.#receive("video");
    this.#receive("audio");
    if (this.#wish.pings === true) this.#ping();
    this.#video.requestVideoFrameCallback(() => this.#show());
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    await gathered(this.#peer);
    const connected = connectedOf(this.#peer);
    const posted = Date.now();
    const answer = await this.#post(this.#peer.localDescription?.sdp ?? "");
    const postTo201 = Date.now() - posted;
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer });
    const connectedAt = await connected;
    this.#looking = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    const firstFrame = (await this.#first.promise) - posted;
    return { postTo201, connected: connectedAt - posted, firstFrame };
  }

  observation(): RtcObservation {
    return {
      shown: this.#shown,
      unread: this.#unread,
      clicks: this.#ears.clicks,
      received: this.#received,
      roundTrips: this.#roundTrips,
      heldMs: this.#heldMs,
      ...this.#facts,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    clearInterval(this.#pinging);
    const { token } = this.#wish;
    const headers = { authorization: `Bearer ${token}` };
    if (this.#resource !== undefined) await fetch(this.#resource, { method: "DELETE", headers });
    this.#peer.close();
    this.#video.srcObject = null;
    this.#video.remove();
  }

  #receive(kind: "video" | "audio"): void {
    const transceiver = this.#peer.addTransceiver(kind, { direction: "recvonly" });
    const { codec } = this.#wish;
    if (kind === "audio" || codec === undefined) return;
    const all = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
    const wanted = all.filter(({ mimeType }) =>
      [`video/${codec}`, "video/rtx"].includes(mimeType.toLowerCase()),
    );
    transceiver.setCodecPreferences(wanted);
  }

  async #post(sdp: string): Promise<string> {
    const { url, token, isRelayed } = this.#wish;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/sdp", authorization: `Bearer ${token}` },
      body: isRelayed === true ? await window.relayOffer(sdp) : sdp,
    });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`WHEP answered ${answer.status}: ${text}`);
    const location = answer.headers.get("location");
    if (location !== null) this.#resource = new URL(location, url).href;
    return isRelayed === true ? window.relayAnswer(text) : text;
  }

  #show(): void {
    const at = Date.now();
    this.#first.resolve(at);
    this.#video.requestVideoFrameCallback(() => this.#show());
    const { width, height } = MARKER;
    this.#canvas?.drawImage(this.#video, 0, 0, width, height, 0, 0, width, height);
    const pixels = this.#canvas?.getImageData(0, 0, width, height).data ?? [];
    const marker = readMarker(pixels, width, 4);
    if (marker === null) this.#unread += 1;
    else this.#shown.push([at, marker.frame, marker.epoch]);
  }

  async #listen(track: MediaStreamAudioTrack): Promise<void> {
    for await (const piece of new MediaStreamTrackProcessor({ track }).readable) {
      const now = Date.now();
      const pcm = new Float32Array(piece.numberOfFrames);
      piece.copyTo(pcm, { planeIndex: 0, format: "f32-planar" });
      this.#ears.take(pcm, piece.sampleRate, now);
      piece.close();
    }
  }

  #ping(): void {
    const channel = this.#peer.createDataChannel("control");
    const sent = new Map<string, number>();
    let next = 0;
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as { type: string; event_id?: string };
      const at = sent.get(event.event_id ?? "");
      if (event.type === "session.pong" && at !== undefined) {
        this.#roundTrips.push(performance.now() - at);
      }
    });
    this.#pinging = setInterval(() => {
      if (channel.readyState !== "open") return;
      const id = `p${next++}`;
      sent.set(id, performance.now());
      channel.send(JSON.stringify({ type: "session.ping", event_id: id }));
    }, PING_EVERY_MS);
  }

  async #look(): Promise<void> {
    const reports = (await this.#peer.getStats()) as ReadonlyMap<string, InboundReport>;
    for (const report of reports.values()) {
      if (report.type !== "inbound-rtp") continue;
      const held = (report.jitterBufferDelay / report.jitterBufferEmittedCount) * 1000;
      this.#heldMs = { ...this.#heldMs, [report.kind]: held };
      if (report.kind !== "video") continue;
      this.#received.push([Date.now(), report.bytesReceived]);
      const codec = reports.get(report.codecId)?.mimeType ?? "";
      this.#facts = { nacks: report.nackCount, plis: report.pliCount, codec };
    }
  }
}

interface InboundReport {
  readonly type: string;
  readonly kind: "video" | "audio";
  /** Seconds, of all together. */
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  readonly bytesReceived: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly codecId: string;
  readonly mimeType?: string;
}

const gathered = (peer: RTCPeerConnection): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (peer.iceGatheringState === "complete") resolve();
    };
    peer.addEventListener("icegatheringstatechange", look);
    look();
  });

const connectedOf = (peer: RTCPeerConnection): Promise<number> =>
  new Promise((resolve, reject) => {
    peer.addEventListener("connectionstatechange", () => {
      if (peer.connectionState === "connected") resolve(Date.now());
      if (peer.connectionState === "failed") reject(new Error("the connection failed"));
    });
  });

const watches = new Map<number, Watch>();
let next = 0;

const rtcBench: RtcBench = {
  open: async (wish) => {
    const id = next++;
    const watch = new Watch(wish);
    watches.set(id, watch);
    return { id, start: await watch.start() };
  },
  observation: (id) => watchOf(id).observation(),
  close: async (id) => {
    await watchOf(id).close();
    watches.delete(id);
  },
};
Object.assign(globalThis, { rtcBench });

function watchOf(id: number): Watch {
  const watch = watches.get(id);
  if (watch === undefined) throw new Error(`nothing is watched as ${id}`);
  return watch;
}
