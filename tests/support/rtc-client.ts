/** A foreign WebRTC client in Node: werift's own peer, on the loopback interface. */

import { RTCPeerConnection, type RTCRtpTransceiver, useH264, useOPUS, useVP8 } from "werift";

/** What a client offers. */
export interface ClientWish {
  readonly codec?: "h264" | "vp8";
  readonly direction?: "recvonly" | "sendonly";
  readonly channels?: boolean;
}

/** A client with picture, sound and the two data channels; it has offered nothing yet. */
export class RtcClient {
  readonly peer: RTCPeerConnection;
  readonly video: RTCRtpTransceiver;
  readonly audio: RTCRtpTransceiver;
  readonly control: ReturnType<RTCPeerConnection["createDataChannel"]> | undefined;
  readonly input: ReturnType<RTCPeerConnection["createDataChannel"]> | undefined;

  constructor({ codec = "h264", direction = "recvonly", channels = true }: ClientWish = {}) {
    const feedback = [{ type: "nack" }, { type: "nack", parameter: "pli" }, { type: "goog-remb" }];
    const settings = { payloadType: 100, rtcpFeedback: feedback };
    const h264 = {
      ...settings,
      parameters: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    };
    this.peer = new RTCPeerConnection({
      iceServers: [],
      bundlePolicy: "max-bundle",
      iceUseIpv4: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: ["127.0.0.1"],
      codecs: {
        video: [codec === "h264" ? useH264(h264) : useVP8(settings)],
        audio: [useOPUS({ payloadType: 111 })],
      },
    });
    this.video = this.peer.addTransceiver("video", { direction });
    this.audio = this.peer.addTransceiver("audio", { direction });
    if (channels) {
      this.control = this.peer.createDataChannel("control");
      this.input = this.peer.createDataChannel("input", { ordered: false, maxRetransmits: 0 });
    }
    // It would ask a public server otherwise.
    for (const { connection } of this.peer.iceTransports) delete connection.stunServer;
  }

  /** The whole offer, candidates inside. */
  async offer(): Promise<string> {
    await this.peer.setLocalDescription(await this.peer.createOffer());
    return this.peer.localDescription?.sdp ?? "";
  }

  async accept(sdp: string): Promise<void> {
    await this.peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Encrypt bytes as RTCP and send them, whatever they are; at least a header of eight. */
  async sendControl(bytes: Buffer): Promise<void> {
    const [dtls] = this.peer.dtlsTransports;
    if (dtls === undefined) throw new Error("there is no transport");
    await dtls.iceTransport.connection.send(dtls.srtcp.encrypt(bytes));
  }

  close(): Promise<void> {
    return this.peer.close();
  }
}
