/** A viewer over WebRTC: pictures and sound by RTP, events and messages by data channels. */

import { systemEpoch } from "../../core/clock.ts";
import type { StreamError } from "../../core/errors.ts";
import { as, type Millis } from "../../core/units.ts";
import type { ServerEvent } from "../../protocol/events.ts";
import { LIMITS } from "../../protocol/messages.ts";
import { errorEvent, MessageGate } from "../message-gate.ts";
import { writeAnswer } from "./answer.ts";
import type {
  ChannelName,
  OutgoingSound,
  OutgoingVideo,
  RtcHandlers,
  RtcOptions,
  RtcStats,
  RtcVideoCodec,
  ViewerConnection,
} from "./contract.ts";
import { DataChannels } from "./data-channels.ts";
import { addTrickled, restarted } from "./ice-session.ts";
import { type AgreedMedia, type Agreement, negotiate, videoCodecOf } from "./negotiation.ts";
import { NtpClock } from "./ntp.ts";
import { OutgoingMedia } from "./outgoing-media.ts";
import { OutgoingStream, type StreamNames, type StreamParts } from "./outgoing-stream.ts";
import { PeerTransport } from "./peer-transport.ts";
import { randomName, randomSessionId } from "./random.ts";
import { SentLog } from "./sent-log.ts";

/** A peer that has not connected by then will not. */
const PATIENCE: Millis = as(30_000);
/** Most that a player may hold back, by `RtcOptions.delay`. */
const MOST_DELAY: Readonly<Record<RtcOptions["delay"], Millis>> = { low: as(0), default: as(200) };

/** What a connection begins with. */
export interface Beginning {
  readonly agreement: Agreement;
  readonly transport: PeerTransport;
  /** The other side's answer, what it was told this side is called, and which names its streams have: where the offer was ours. */
  readonly answer?: string;
  readonly cname?: string;
  readonly names?: Readonly<Record<AgreedMedia["kind"], StreamNames>>;
}

/**
 * Sends to one viewer.
 *
 * Lifetime: from an answered offer until `closed` was told: by the viewer's goodbye, by `close`, when no path was
 * found in 30 s, or when the viewer gave no sign of life for 30 s (RFC 7675).
 */
export class RtcViewer implements ViewerConnection {
  readonly answerSdp: string;
  readonly codec: RtcVideoCodec | undefined;
  readonly hasSound: boolean;
  readonly #options: RtcOptions;
  readonly #handlers: RtcHandlers;
  readonly #agreement: Agreement;
  readonly #transport: PeerTransport;
  readonly #media: OutgoingMedia;
  readonly #channels: DataChannels | undefined;
  readonly #gate: MessageGate;
  readonly #life = new AbortController();

  private constructor(beginning: Beginning, options: RtcOptions, handlers: RtcHandlers) {
    const { agreement, transport, cname = randomName(), names } = beginning;
    this.#agreement = agreement;
    this.#transport = transport;
    this.#options = options;
    this.#handlers = handlers;
    this.#gate = new MessageGate(options.clock);
    const log = new SentLog();
    const ntp = new NtpClock(options.clock, systemEpoch);
    const parts = { transport, log, ntp, cname, mostDelay: MOST_DELAY[options.delay] };
    const streams = streamsOf(agreement, parts, names);
    const media = [...agreement.media.values()];
    const video = media.find(({ kind }) => kind === "video");
    this.codec = video === undefined ? undefined : videoCodecOf(video.format);
    this.hasSound = media.some(({ kind }) => kind === "audio");
    this.#media = new OutgoingMedia(
      {
        options,
        codec: this.codec,
        video: ofKind(streams, "video"),
        sound: ofKind(streams, "audio"),
        log,
        ntp,
        hasFineFeedback: media.some(hasFineFeedback),
        sendRtcp: (packet) => transport.sendRtcp(packet),
        keyframeWanted: () => handlers.keyframeWanted(),
        rateChanged: (bitrate) => handlers.rateChanged(bitrate),
      },
      this.#life.signal,
    );
    this.#channels = this.#openChannels();
    this.answerSdp = beginning.answer ?? this.#answer(cname, streams);
  }

  /**
   * Answer an offer; sockets are open then.
   *
   * @throws {StreamError} `bad_request`, `unsupported_codec`.
   */
  static async answer(
    offer: string,
    options: RtcOptions,
    handlers: RtcHandlers,
  ): Promise<RtcViewer> {
    const agreement = negotiate(offer, "sender");
    const transport = await PeerTransport.open(options, agreement);
    return RtcViewer.begin({ agreement, transport }, options, handlers);
  }

  /** Send to a peer that is agreed with. */
  static begin(beginning: Beginning, options: RtcOptions, handlers: RtcHandlers): RtcViewer {
    const viewer = new RtcViewer(beginning, options, handlers);
    viewer.#start();
    return viewer;
  }

  sendVideo(packet: OutgoingVideo): void {
    if (this.#transport.isConnected) this.#media.sendVideo(packet);
  }

  sendSound(packet: OutgoingSound): void {
    if (this.#transport.isConnected) this.#media.sendSound(packet);
  }

  send(event: ServerEvent): void {
    if (this.#transport.isConnected) this.#channels?.send("control", JSON.stringify(event));
  }

  sendError(error: StreamError, eventId?: string): void {
    this.send(errorEvent(error, eventId));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown must reject
  async addCandidates(fragment: string): Promise<void> {
    addTrickled(this.#transport, fragment);
  }

  restart(fragment: string): Promise<string> {
    return restarted(this.#transport, this.#agreement, fragment);
  }

  stats(): RtcStats {
    return this.#media.stats();
  }

  close(): void {
    this.#end("the server closed the connection");
  }

  #answer(cname: string, streams: ReadonlyMap<number, OutgoingStream>): string {
    const transport = this.#transport;
    return writeAnswer(this.#agreement, {
      id: randomSessionId(),
      cname,
      ice: transport.credentials,
      candidates: transport.candidates,
      fingerprint: transport.fingerprint,
      direction: "sendonly",
      messageBytes: LIMITS.messageBytes,
      streams: new Map(
        [...streams].map(([index, { ssrc, rtxSsrc }]) => [index, { ssrc, rtx: rtxSsrc }]),
      ),
    });
  }

  #start(): void {
    this.#transport.start({
      connected: () => this.#connected(),
      rtp: () => undefined,
      rtcp: (packet) => this.#media.receive(packet),
      closed: (reason, silent) => this.#closed(reason, silent),
    });
    void this.#giveUp();
  }

  #end(reason: string): void {
    // The channels' own goodbye reaches clients that do not look at the connection.
    void this.#channels?.stop();
    this.#transport.close(reason);
  }

  #openChannels(): DataChannels | undefined {
    if (this.#agreement.data === undefined) return undefined;
    return new DataChannels(this.#transport, LIMITS.messageBytes, {
      opened: (channel) => {
        if (channel === "control") this.#handlers.opened();
      },
      message: (channel, content, size) => this.#message(channel, content, size),
      failed: (reason) => this.#end(reason),
    });
  }

  #connected(): void {
    this.#media.start();
    const { data } = this.#agreement;
    if (data !== undefined) void this.#channels?.start(data.port);
    this.#handlers.connected();
  }

  #message(channel: ChannelName, content: string | Uint8Array, size: number): void {
    if (!this.#transport.isConnected) return;
    const verdict = this.#gate.judge(size, () => content);
    switch (verdict.kind) {
      case "message":
        this.#handlers.message(verdict.message, channel);
        return;
      case "refused":
        this.sendError(verdict.error);
        this.#handlers.refused(verdict.error);
        if (verdict.isLast) this.#end(verdict.error.message);
        return;
      case "cut":
        this.#end("far too many messages");
        return;
      case "ignored":
        return;
    }
  }

  #closed(reason: string, silent: Millis): void {
    this.#life.abort();
    void this.#channels?.stop();
    this.#handlers.closed(reason, silent);
  }

  async #giveUp(): Promise<void> {
    try {
      await this.#options.clock.sleep(PATIENCE, this.#life.signal);
      if (!this.#transport.isConnected) this.#end("no path to the viewer was found");
    } catch {
      // The connection ended before.
    }
  }
}

function streamsOf(
  agreement: Agreement,
  parts: StreamParts,
  names: Beginning["names"],
): Map<number, OutgoingStream> {
  return new Map(
    [...agreement.media].map(([index, media]) => [
      index,
      new OutgoingStream(media, parts, names?.[media.kind]),
    ]),
  );
}

const ofKind = (
  streams: ReadonlyMap<number, OutgoingStream>,
  kind: AgreedMedia["kind"],
): OutgoingStream | undefined => [...streams.values()].find((stream) => stream.kind === kind);

const hasFineFeedback = ({ kind, feedback }: AgreedMedia): boolean =>
  kind === "video" && feedback.includes("transport-cc");
