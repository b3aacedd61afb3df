/**
 * What the WebRTC transport offers to the server: a connection that sends to a viewer (WHEP), and one that
 * receives a camera or a microphone (WHIP, RFC 9725). `RtcViewer` (viewer.ts) and `RtcReceiver` (receiver.ts)
 * keep these promises.
 */

import type { Clock } from "../../core/clock.ts";
import type { StreamError } from "../../core/errors.ts";
import type { BitsPerSecond, Bytes, Micros, Millis } from "../../core/units.ts";
import type { ServerEvent } from "../../protocol/events.ts";
import type { ClientMessage } from "../../protocol/messages.ts";

/** Video codecs that travel over RTP here. */
export type RtcVideoCodec = "h264" | "vp8";

/** One encoded picture. Borrows: `data` is only read, so all viewers of a rendition share it. */
export interface OutgoingVideo {
  readonly codec: RtcVideoCodec;
  readonly key: boolean;
  /** Media time of the picture, on the timeline that the sound shares. */
  readonly pts: Micros;
  /** H.264: Annex B, parameter sets in front of every key picture. VP8: one frame. */
  readonly data: Uint8Array;
}

/** One Opus packet of 20 ms at 48 kHz. Borrows: as `OutgoingVideo`. */
export interface OutgoingSound {
  readonly pts: Micros;
  readonly data: Uint8Array;
}

/** An ICE server, as `RTCIceServer` writes it. */
export interface IceServer {
  /** `stun:host:port`, `turn:host:port` or `turns:host:port`. */
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** What every connection is told about the network. */
export interface RtcNetwork {
  readonly clock: Clock;
  /** Servers to ask for candidates; nothing outside is contacted when empty. */
  readonly iceServers: readonly IceServer[];
  /** Addresses to announce as host candidates; those of all interfaces when absent. */
  readonly addresses?: readonly string[];
  /** Whether to listen on TCP as well (RFC 6544), for clients that UDP does not reach. */
  readonly tcp?: boolean;
  /** Ports to listen on, both ends included; any when absent. */
  readonly ports?: { readonly min: number; readonly max: number };
}

/** How a viewer is sent to. */
export interface RtcOptions extends RtcNetwork {
  /** What a player may hold back: nothing, or up to 200 ms to smooth a network. */
  readonly delay: "low" | "default";
  /** First target of the congestion controller, bit/s. */
  readonly startBitrate: number;
  /** Highest target of the congestion controller, bit/s. */
  readonly maxBitrate: number;
}

/** The data channel that a message came over: reliable and in order, or as datagrams. */
export type ChannelName = "control" | "input";

/** What a viewer's connection tells. Nothing is called after `closed`; none may throw. */
export interface RtcHandlers {
  /** ICE and DTLS are up; media can be sent. */
  connected(): void;
  /** The client's `control` channel is open; events can be sent. */
  opened(): void;
  message(message: ClientMessage, channel: ChannelName): void;
  /** A message was refused; the client has been told. */
  refused(error: StreamError): void;
  /** The viewer cannot go on without a key picture. At most one in 300 ms. */
  keyframeWanted(): void;
  /** The congestion controller's new estimate of what this viewer can take, all media together, bit/s. */
  rateChanged(bitsPerSecond: number): void;
  /** The connection is gone, whoever ended it; `silent` is how long the viewer gave no sign of life, where that ended it. Told once. */
  closed(reason: string, silent: Millis): void;
}

/** Figures of one viewer's connection, since it began unless said otherwise. */
export interface RtcStats {
  /** From the newest receiver report; absent before there is one. */
  readonly roundTrip?: Millis;
  /** Share of packets that the newest reports miss, in [0, 1]. */
  readonly loss: number;
  readonly packets: number;
  readonly bytes: Bytes;
  /** Packets sent again. */
  readonly retransmitted: number;
  /** Packets that the viewer asked for again. */
  readonly nacks: number;
  /** Key pictures that the viewer asked for: PLI and FIR. */
  readonly plis: number;
  /** Pictures that the pacer dropped. */
  readonly dropped: number;
  /** What the congestion controller thinks this viewer can take. */
  readonly estimate: BitsPerSecond;
  /** The last second's sending, without headers of IP and UDP. */
  readonly sending: BitsPerSecond;
}

/**
 * A connection that sends pictures, sound and events to one viewer.
 *
 * Lifetime: from an answered offer until `closed` was told; every send after that does nothing.
 */
export interface ViewerConnection {
  /** The whole answer: `sendonly`, all candidates inside. */
  readonly answerSdp: string;
  /** First video codec of the offer that there is an encoder for; absent without video. */
  readonly codec: RtcVideoCodec | undefined;
  readonly hasSound: boolean;
  /** Pictures of another codec, and pictures before `connected`, are dropped. Starts with a key picture. */
  sendVideo(packet: OutgoingVideo): void;
  sendSound(packet: OutgoingSound): void;
  send(event: ServerEvent): void;
  /** Tell the client that its message, or something it depends on, failed. */
  sendError(error: StreamError, eventId?: string): void;
  /**
   * Add the candidates of an RFC 8840 fragment.
   *
   * @throws {StreamError} `bad_request` when it cannot be read, `state_conflict` when it is of another ICE session.
   */
  addCandidates(fragment: string): Promise<void>;
  /**
   * Restart ICE with the credentials and candidates of an RFC 8840 fragment. Nothing is sent until the new path
   * stands.
   *
   * @returns the server's fragment: new credentials and all candidates.
   * @throws {StreamError} `bad_request` when it cannot be read or has no new credentials, `rate_limited` after 50.
   */
  restart(fragment: string): Promise<string>;
  stats(): RtcStats;
  /** End the connection; `closed` is told. */
  close(): void;
}

/** Answer a viewer's offer. @throws {StreamError} `bad_request`, `unsupported_codec`. */
export type AnswerViewer = (
  offer: string,
  options: RtcOptions,
  handlers: RtcHandlers,
) => Promise<ViewerConnection>;

/** An offer of ours to send pictures and sound. Lifetime: holds sockets until `accept` or `close`. */
interface ViewerOffer {
  /** The whole offer: `sendonly`, all candidates inside. */
  readonly offerSdp: string;
  /**
   * Begin to send to whoever answered.
   *
   * @throws {StreamError} `bad_request`, `unsupported_codec`; nothing is held then.
   */
  accept(answer: string): ViewerConnection;
  close(): void;
}

/** Offer to send to somebody; what comes of it is told to the handlers once the offer was accepted. */
export type OfferToViewer = (options: RtcOptions, handlers: RtcHandlers) => Promise<ViewerOffer>;

/** A picture that came in, whole: H.264 as Annex B, or a VP8 frame. Owns: the receiver's. */
export interface IncomingVideo {
  readonly codec: RtcVideoCodec;
  readonly key: boolean;
  /** RTP time at 90 kHz. */
  readonly rtpTime: number;
  readonly data: Uint8Array;
}

/** An Opus packet that came in. Owns: the receiver's. */
export interface IncomingSound {
  /** RTP time at 48 kHz. */
  readonly rtpTime: number;
  readonly data: Uint8Array;
}

/** What a receiving connection tells. Nothing is called after `closed`; none may throw. */
export interface ReceiverHandlers {
  connected(): void;
  /** Pictures in order. After a loss the next one told is a key picture. */
  video(picture: IncomingVideo): void;
  sound(packet: IncomingSound): void;
  /** The connection is gone, whoever ended it. Told once. */
  closed(reason: string): void;
}

/** A connection that receives a camera, a microphone or both. Lifetime: as `ViewerConnection`. */
export interface ReceiverConnection {
  /** The whole answer: `recvonly`, all candidates inside. */
  readonly answerSdp: string;
  readonly codec: RtcVideoCodec | undefined;
  readonly hasSound: boolean;
  /** Ask for a key picture. One is also asked for at the start and after a loss. */
  requestKeyframe(): void;
  addCandidates(fragment: string): Promise<void>;
  restart(fragment: string): Promise<string>;
  close(): void;
}

/** Answer a publisher's offer. @throws {StreamError} `bad_request`, `unsupported_codec`. */
export type AnswerPublisher = (
  offer: string,
  options: RtcNetwork,
  handlers: ReceiverHandlers,
) => Promise<ReceiverConnection>;
