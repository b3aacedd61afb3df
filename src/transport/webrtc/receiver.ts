/** A camera or a microphone that comes in over WebRTC (WHIP, RFC 9725). */

import { systemEpoch } from "../../core/clock.ts";
import { as, type Millis } from "../../core/units.ts";
import { writeAnswer } from "./answer.ts";
import type {
  ReceiverConnection,
  ReceiverHandlers,
  RtcNetwork,
  RtcVideoCodec,
} from "./contract.ts";
import { addTrickled, restarted } from "./ice-session.ts";
import { IncomingStream } from "./incoming-stream.ts";
import { type Agreement, negotiate, videoCodecOf } from "./negotiation.ts";
import { NtpClock } from "./ntp.ts";
import { PeerTransport } from "./peer-transport.ts";
import { random32, randomName, randomSessionId } from "./random.ts";
import { type Reception, readRtcp, writeReceiverReport, writeRemb } from "./rtcp.ts";
import { readRtp } from "./rtp.ts";

/** A peer that has not connected by then will not. */
const PATIENCE: Millis = as(30_000);
const TICK: Millis = as(20);
const REPORT_EVERY: Millis = as(1_000);
/** What a publisher may send, bit/s. */
const MOST_BITRATE = 2_500_000;

/** Receives from one publisher. Lifetime: as `RtcViewer`'s. */
export class RtcReceiver implements ReceiverConnection {
  readonly answerSdp: string;
  readonly codec: RtcVideoCodec | undefined;
  readonly hasSound: boolean;
  readonly #network: RtcNetwork;
  readonly #handlers: ReceiverHandlers;
  readonly #agreement: Agreement;
  readonly #transport: PeerTransport;
  readonly #streams: readonly IncomingStream[];
  readonly #ntp: NtpClock;
  readonly #ssrc = random32();
  readonly #cname = randomName();
  readonly #life = new AbortController();

  private constructor(
    agreement: Agreement,
    transport: PeerTransport,
    network: RtcNetwork,
    handlers: ReceiverHandlers,
  ) {
    this.#agreement = agreement;
    this.#transport = transport;
    this.#network = network;
    this.#handlers = handlers;
    this.#ntp = new NtpClock(network.clock, systemEpoch);
    const parts = {
      clock: network.clock,
      ntp: this.#ntp,
      ssrc: this.#ssrc,
      handlers,
      sendRtcp: (packet: Buffer) => transport.sendRtcp(packet),
    };
    const media = [...agreement.media.values()];
    this.#streams = media.map((each) => new IncomingStream(each, videoCodecOf(each.format), parts));
    const video = media.find(({ kind }) => kind === "video");
    this.codec = video === undefined ? undefined : videoCodecOf(video.format);
    this.hasSound = media.some(({ kind }) => kind === "audio");
    this.answerSdp = writeAnswer(agreement, {
      id: randomSessionId(),
      cname: this.#cname,
      ice: transport.credentials,
      candidates: transport.candidates,
      fingerprint: transport.fingerprint,
      direction: "recvonly",
      messageBytes: 0,
      streams: new Map(),
    });
  }

  /**
   * Answer a publisher's offer; sockets are open then.
   *
   * @throws {StreamError} `bad_request`, `unsupported_codec`.
   */
  static async answer(
    offer: string,
    network: RtcNetwork,
    handlers: ReceiverHandlers,
  ): Promise<RtcReceiver> {
    const agreement = negotiate(offer, "receiver");
    const transport = await PeerTransport.open(network, agreement);
    const receiver = new RtcReceiver(agreement, transport, network, handlers);
    receiver.#start();
    return receiver;
  }

  requestKeyframe(): void {
    const isVideo = (_: IncomingStream, i: number) =>
      [...this.#agreement.media.values()][i]?.kind === "video";
    this.#streams.find(isVideo)?.requestKeyframe();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown must reject
  async addCandidates(fragment: string): Promise<void> {
    addTrickled(this.#transport, fragment);
  }

  restart(fragment: string): Promise<string> {
    return restarted(this.#transport, this.#agreement, fragment);
  }

  close(): void {
    this.#transport.close("the server closed the connection");
  }

  #start(): void {
    this.#transport.start({
      connected: () => {
        void this.#watch();
        this.#handlers.connected();
      },
      rtp: (packet) => this.#rtp(packet),
      rtcp: (packet) => this.#rtcp(packet),
      closed: (reason) => {
        this.#life.abort();
        this.#handlers.closed(reason);
      },
    });
    void this.#giveUp();
  }

  #rtp(bytes: Buffer): void {
    const packet = readRtp(bytes);
    if (packet === undefined) return;
    for (const stream of this.#streams) stream.push(packet);
  }

  #rtcp(bytes: Buffer): void {
    for (const message of readRtcp(bytes)) {
      if (message.kind !== "sender") continue;
      for (const stream of this.#streams) stream.sender(message.ssrc, message.ntpMiddle);
    }
  }

  /** Deliver what lost packets held up, and report. */
  async #watch(): Promise<void> {
    const { clock } = this.#network;
    let reportedAt = clock.now();
    for (;;) {
      try {
        await clock.sleep(TICK, this.#life.signal);
      } catch {
        // Only the end of the connection interrupts the sleep.
        return;
      }
      const now = clock.now();
      for (const stream of this.#streams) stream.poll(now);
      if (now - reportedAt < REPORT_EVERY) continue;
      reportedAt = now;
      this.#report(now);
    }
  }

  #report(now: Millis): void {
    const receptions = this.#streams.flatMap((stream): Reception[] => {
      const reception = stream.reception(now);
      return reception === undefined ? [] : [reception];
    });
    const report = writeReceiverReport(this.#ssrc, receptions, this.#cname);
    const takesRemb = [...this.#agreement.media.values()].some(({ feedback }) =>
      feedback.includes("goog-remb"),
    );
    const sources = receptions.map(({ ssrc }) => ssrc);
    const remb = takesRemb && sources.length > 0;
    this.#transport.sendRtcp(
      remb ? Buffer.concat([report, writeRemb(this.#ssrc, sources, MOST_BITRATE)]) : report,
    );
  }

  async #giveUp(): Promise<void> {
    try {
      await this.#network.clock.sleep(PATIENCE, this.#life.signal);
      if (!this.#transport.isConnected) this.#transport.close("no path to the publisher was found");
    } catch {
      // The connection ended before.
    }
  }
}
