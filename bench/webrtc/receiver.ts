/** A light viewer in plain werift: it counts packets and decodes nothing. */

import {
  type MediaStreamTrack,
  RTCPeerConnection,
  type RtcpPacket,
  RtcpSrPacket,
  useAbsSendTime,
  useOPUS,
  useSdesMid,
  useTransportWideCC,
  useVP8,
} from "werift";
import type { WhepTarget } from "./source.ts";

const VIDEO_FEEDBACK = [
  { type: "nack" },
  { type: "nack", parameter: "pli" },
  { type: "transport-cc" },
  { type: "goog-remb" },
];

/** Seconds from 1900 to 1970. */
const NTP_TO_1970 = 2_208_988_800;

/** Milliseconds since 1970 of an NTP timestamp (RFC 5905, section 6). */
const timeOf = (ntp: bigint): number => (Number(ntp) / 2 ** 32 - NTP_TO_1970) * 1000;

/** What a receiver got. */
export interface Received {
  readonly packets: number;
  readonly bytes: number;
  /** Of each sender report: when it came less the time in it, milliseconds. */
  readonly reportErrors: readonly number[];
}

/** One viewer. Lifetime: until `close`, or the process's end. */
export class Receiver {
  readonly #target: WhepTarget;
  readonly #peer = new RTCPeerConnection({
    iceServers: [],
    iceUseIpv6: false,
    iceUseTcp: false,
    iceAdditionalHostAddresses: ["127.0.0.1"],
    codecs: { video: [useVP8({ rtcpFeedback: VIDEO_FEEDBACK })], audio: [useOPUS()] },
    headerExtensions: {
      video: [useSdesMid(), useTransportWideCC(), useAbsSendTime()],
      audio: [useSdesMid()],
    },
  });
  readonly #reportErrors: number[] = [];
  #resource: string | undefined;
  #packets = 0;
  #bytes = 0;

  constructor(target: WhepTarget) {
    this.#target = target;
  }

  get received(): Received {
    return { packets: this.#packets, bytes: this.#bytes, reportErrors: this.#reportErrors };
  }

  /** Connect; settles with the first packet of video. @throws {Error} what WHEP answered. */
  async open(): Promise<void> {
    const first = Promise.withResolvers<undefined>();
    for (const kind of ["video", "audio"] as const) {
      const transceiver = this.#peer.addTransceiver(kind, { direction: "recvonly" });
      const came = kind === "video" ? () => first.resolve(undefined) : () => undefined;
      transceiver.onTrack.subscribe((track) => this.#count(track, came));
      transceiver.receiver.onRtcp.subscribe((packet) => this.#report(packet));
    }
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    const answer = await this.#post(this.#peer.localDescription?.sdp ?? "");
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer });
    await first.promise;
  }

  async close(): Promise<void> {
    if (this.#resource !== undefined) {
      await fetch(this.#resource, { method: "DELETE", headers: this.#headers() });
    }
    await this.#peer.close();
  }

  #count(track: MediaStreamTrack, came: () => void): void {
    track.onReceiveRtp.subscribe(({ payload }) => {
      came();
      this.#packets += 1;
      this.#bytes += payload.length;
    });
  }

  #report(packet: RtcpPacket): void {
    if (!(packet instanceof RtcpSrPacket)) return;
    this.#reportErrors.push(Date.now() - timeOf(packet.senderInfo.ntpTimestamp));
  }

  async #post(sdp: string): Promise<string> {
    const { url } = this.#target;
    const headers = { "content-type": "application/sdp", ...this.#headers() };
    const answer = await fetch(url, { method: "POST", headers, body: sdp });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`WHEP answered ${answer.status}: ${text}`);
    this.#resource = new URL(answer.headers.get("location") ?? "", url).href;
    return text;
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#target.token}` };
  }
}
