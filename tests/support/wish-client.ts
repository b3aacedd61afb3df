/** A foreign WebRTC client that plays by WHEP and publishes by WHIP. */

import { RtpHeader, RtpPacket } from "werift";
import { type ClientWish, RtcClient } from "./rtc-client.ts";

/** Bytes of a picture in one packet. */
const MOST_BYTES = 1_100;

/** A client that calls by HTTP; disposing it closes its peer. */
export class WishClient extends RtcClient implements AsyncDisposable {
  /** RTP packets that came. */
  readonly came = { video: 0, audio: 0 };
  readonly events: string[] = [];
  /** Key pictures that the other side asked for. */
  plis = 0;
  /** Path of the resource, and its entity tag. */
  location = "";
  etag = "";
  readonly #sent = { video: 0, audio: 0 };

  constructor(wish: ClientWish) {
    super(wish);
    for (const kind of ["video", "audio"] as const) {
      this[kind].onTrack.subscribe((track) => {
        track.onReceiveRtp.subscribe(() => {
          this.came[kind] += 1;
        });
      });
    }
    this.video.sender.onPictureLossIndication.subscribe(() => {
      this.plis += 1;
    });
    this.control?.onMessage.subscribe((message) => this.events.push(String(message)));
  }

  get isConnected(): boolean {
    return this.peer.connectionState === "connected";
  }

  /** Make an offer, have it answered at `url`, and begin to connect. */
  async call(url: URL, token: string): Promise<Response> {
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
      body: await this.offer(),
    });
    if (answer.status !== 201) return answer;
    this.location = answer.headers.get("location") ?? "";
    this.etag = answer.headers.get("etag") ?? "";
    await this.accept(await answer.clone().text());
    return answer;
  }

  /** Send a VP8 frame (RFC 7741). */
  async sendVideo(frame: Uint8Array, rtpTime: number): Promise<void> {
    for (let at = 0; at < frame.length; at += MOST_BYTES) {
      const descriptor = Buffer.of(at === 0 ? 0x10 : 0);
      const payload = Buffer.concat([descriptor, frame.subarray(at, at + MOST_BYTES)]);
      await this.#send("video", payload, { rtpTime, marker: at + MOST_BYTES >= frame.length });
    }
  }

  /** Send an Opus packet (RFC 7587). */
  sendAudio(packet: Uint8Array, rtpTime: number): Promise<void> {
    return this.#send("audio", Buffer.from(packet), { rtpTime, marker: true });
  }

  /** Go without a word, as a client does whose battery is empty. */
  async vanish(): Promise<void> {
    for (const transport of this.peer.iceTransports) await transport.stop();
  }

  async #send(
    kind: "video" | "audio",
    payload: Buffer,
    { rtpTime, marker }: { readonly rtpTime: number; readonly marker: boolean },
  ): Promise<void> {
    const sequenceNumber = this.#sent[kind]++ & 0xffff;
    const payloadType = kind === "video" ? 100 : 111;
    const header = new RtpHeader({ sequenceNumber, timestamp: rtpTime >>> 0, marker, payloadType });
    await this[kind].sender.sendRtp(new RtpPacket(header, payload));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
