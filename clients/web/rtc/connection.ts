import type { Clock } from "../../../src/core/clock.ts";
import type { Control } from "../../../src/core/controls.ts";
import { StreamError, toStreamError } from "../../../src/core/errors.ts";
import { as, type Millis } from "../../../src/core/units.ts";
import { CLOSE, type CloseCode, closeCodeFor } from "../../../src/protocol/close-codes.ts";
import type { EndReason, ServerEvent } from "../../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";
import type { NetworkSample } from "../network.ts";
import type { Connection, ConnectionHandlers, Opening, Transport } from "../transport.ts";
import { createOffer, isLossable } from "./offer.ts";
import { StallWatch } from "./stall.ts";
import { RtcMeter } from "./stats.ts";
import { answerOffer, endConnection, makeSession, type OfferWish } from "./whep.ts";

/** What WebRTC connections need. */
export interface RtcOptions {
  readonly server: string | URL;
  /** The server's own secret, where it has one. */
  readonly token: string | undefined;
  readonly delay: OfferWish["delay"];
  /** STUN and TURN servers; none is asked when empty. */
  readonly iceServers: readonly RTCIceServer[];
  readonly clock: Clock;
}

/** A session that exists is reached within this time, or not by WebRTC. */
const DEADLINE: Millis = as(2_500);
/** How long ICE may look for a way again before the connection counts as lost. */
const DISCONNECTED: Millis = as(3_000);

/** Connects by WebRTC: an offer over HTTP, media as a stream, messages on data channels. */
export const rtcTransport = (options: RtcOptions): Transport => ({
  name: "webrtc",
  givesUp: true,
  open: (opening, handlers) => new RtcConnection(options, opening, handlers),
});

/** True where the browser has WebRTC. */
export const hasRtc = (): boolean => "RTCPeerConnection" in globalThis;

/** One peer connection. Lifetime: from construction to `close`, or until `closed` was told. */
class RtcConnection implements Connection {
  readonly #options: RtcOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #end = new AbortController();
  readonly #peer: RTCPeerConnection;
  readonly #control: RTCDataChannel;
  readonly #input: RTCDataChannel;
  readonly #meter = new RtcMeter();
  readonly #stall = new StallWatch();
  #stream: MediaStream | undefined;
  #controls: readonly Control[] = [];
  /** The session answered on the control channel. */
  #isLive = false;
  /** The session ends, and this connection with it. */
  #isOver = false;
  /** Why the server is about to close, as a WebSocket's close code: a peer connection has none. */
  #closeCode: CloseCode = CLOSE.goingAway;

  constructor(options: RtcOptions, opening: Opening, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#peer = new RTCPeerConnection({
      iceServers: [...options.iceServers],
      bundlePolicy: "max-bundle",
    });
    this.#control = this.#peer.createDataChannel("control");
    this.#input = this.#peer.createDataChannel("input", { ordered: false, maxRetransmits: 0 });
    this.#listen();
    void this.#connect(opening);
  }

  send(message: ClientMessageInput): boolean {
    if (message.type === "session.stop") this.#isOver = true;
    const lossy = this.#input.readyState === "open" && isLossable(message, this.#controls);
    const channel = lossy ? this.#input : this.#control;
    if (channel.readyState !== "open") return false;
    channel.send(JSON.stringify(message));
    return true;
  }

  async measure(): Promise<NetworkSample> {
    const report = await this.#peer.getStats();
    const { sample, decoded } = this.#meter.read(report.values());
    if (this.#stall.isStalled(decoded, this.#options.clock.now())) this.#lost("no media came");
    return sample;
  }

  close(): void {
    this.#end.abort();
    // What was just said is still sent: closing at once would discard it.
    setTimeout(() => {
      this.#peer.close();
    });
  }

  #listen(): void {
    const peer = this.#peer;
    this.#control.addEventListener("message", ({ data }: MessageEvent<string>) => {
      if (!this.#end.signal.aborted) this.#received(JSON.parse(data) as ServerEvent);
    });
    this.#control.addEventListener("close", () => {
      this.#lost("the server closed the connection");
    });
    peer.addEventListener("track", ({ streams: [stream], track }) => {
      this.#stream ??= stream ?? new MediaStream();
      if (!this.#stream.getTracks().includes(track)) this.#stream.addTrack(track);
    });
    peer.addEventListener("connectionstatechange", () => {
      if (peer.connectionState === "failed") this.#lost("the network does not let it through");
      if (peer.connectionState === "disconnected") void this.#awaitReturn();
    });
  }

  async #connect(opening: Opening): Promise<void> {
    try {
      const { signal } = this.#end;
      const { server } = this.#options;
      const { id, token } = await this.#sessionFor(opening);
      signal.throwIfAborted();
      void this.#armDeadline();
      const offer = await createOffer(this.#peer, opening.media?.codecs ?? []);
      const wish = { delay: this.#options.delay, bitrate: opening.media?.bitrate };
      const answer = await answerOffer(server, { id, token }, { offer, wish, signal });
      signal.addEventListener("abort", () => {
        if (answer.location && !this.#isOver) endConnection(answer.location, token);
      });
      await this.#peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.#setDelay();
    } catch (cause) {
      this.#fail(CLOSE.goingAway, toStreamError(cause));
    }
  }

  /** The session to join: the one to take up again, or a new one. */
  async #sessionFor(opening: Opening): Promise<{ id: string; token: string }> {
    if (opening.type === "session.resume") return { id: opening.session, token: opening.token };
    const { model, start, parameters, media } = opening;
    const body = { model, start, parameters, markers: media?.markers };
    const { server, token } = this.#options;
    try {
      const made = await makeSession(server, body, token);
      const ticket = { session: made.id, token: made.token, grace: as<Millis>(made.grace_ms) };
      if (!this.#end.signal.aborted) this.#handlers.ticket(ticket);
      return made;
    } catch (cause) {
      const error = toStreamError(cause);
      // A server that refuses the session refuses it over every transport.
      if (error.code !== "server_unreachable") this.#fail(closeCodeFor(error.code), error);
      throw error;
    }
  }

  async #armDeadline(): Promise<void> {
    const { clock } = this.#options;
    await clock.sleep(DEADLINE, this.#end.signal).catch(() => undefined);
    if (!this.#isLive) this.#lost("no connection in time");
  }

  async #awaitReturn(): Promise<void> {
    await this.#options.clock.sleep(DISCONNECTED, this.#end.signal).catch(() => undefined);
    if (this.#peer.connectionState === "disconnected") this.#lost("the network is gone");
  }

  #setDelay(): void {
    if (this.#options.delay !== "low") return;
    for (const receiver of this.#peer.getReceivers()) {
      const isVideo = receiver.track.kind === "video";
      if (isVideo && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    }
  }

  #received(event: ServerEvent): void {
    if (event.type === "stats.report") this.#stall.made(event.frame, this.#options.clock.now());
    if (event.type === "session.ended") this.#isOver = true;
    this.#closeCode = closeCodeAfter(event) ?? this.#closeCode;
    const isFirst = !this.#isLive && event.type === "session.resumed";
    if (isFirst) {
      this.#isLive = true;
      this.#controls = event.model.controls;
    }
    this.#handlers.event(event);
    if (isFirst && this.#stream !== undefined) this.#handlers.stream(this.#stream);
  }

  #lost(reason: string): void {
    this.#fail(this.#closeCode, new StreamError("server_unreachable", `WebRTC: ${reason}`));
  }

  #fail(code: number, error: StreamError): void {
    if (this.#end.signal.aborted) return;
    this.close();
    this.#handlers.closed(code, error);
  }
}

const BY_END: Readonly<Record<EndReason, CloseCode>> = {
  stopped: CLOSE.done,
  idle: CLOSE.idle,
  time_limit: CLOSE.timeLimit,
  abandoned: CLOSE.sessionEnded,
  engine_lost: CLOSE.modelLost,
  shutdown: CLOSE.goingAway,
  error: CLOSE.internal,
};

/** The close code of a WebSocket after whose event the server closes. */
function closeCodeAfter(event: ServerEvent): CloseCode | undefined {
  if (event.type === "session.ended") return BY_END[event.reason];
  const isReplaced =
    event.type === "error" && event.event_id === undefined && event.error.code === "state_conflict";
  return isReplaced ? CLOSE.replaced : undefined;
}
