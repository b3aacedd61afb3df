import type { Subscription } from "rxjs";
import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { as, type BitsPerSecond, type Millis } from "../../core/units.ts";
import { climb, type LadderState, rungsOf, topOfLadder } from "../../media/ladder.ts";
import type { ServerEvent, StatsReport } from "../../protocol/events.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { Picture, SessionEvent } from "../../stream/events.ts";
import type { SessionLimits } from "../../stream/limits.ts";
import type {
  AnswerViewer,
  RtcHandlers,
  RtcNetwork,
  RtcStats,
  ViewerConnection,
} from "../../transport/webrtc/contract.ts";
import { messageOf, statsMessage } from "../event-messages.ts";
import type { HostedSession, Member, Role } from "../hosted-session.ts";
import type { ServerMetrics } from "../metrics.ts";
import { configMessage, greetingMessage } from "./greeting.ts";
import { RenditionSwitch } from "./rendition-switch.ts";
import { type ClientStats, refusalOf, type Steerable, steer, understand } from "./steering.ts";

/** What every WebRTC viewer of a server shares. */
export interface RtcViewerParts {
  readonly answer: AnswerViewer;
  readonly network: RtcNetwork;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
}

/** What a viewer asks for when it comes. */
export interface RtcWish {
  readonly delay: "low" | "default";
  /** Of the highest rung. */
  readonly bitrate: BitsPerSecond;
}

/** A viewer's connection as HTTP sees it. */
export interface RtcResource {
  readonly answerSdp: string;
  /** @throws {StreamError} as `ViewerConnection.addCandidates`. */
  addCandidates(fragment: string): Promise<void>;
  /** @throws {StreamError} as `ViewerConnection.restart`. */
  restart(fragment: string): Promise<string>;
  close(): void;
  /** The session's newest second, and how this viewer gets it. */
  stats(): StatsReport;
  /** Settles when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

/** Answers an offer with a viewer of `hosted`. */
export type OpenRtcViewer = (
  hosted: HostedSession,
  role: Role,
  offer: string,
  wish: RtcWish,
) => Promise<RtcResource>;

/** What may be sent beyond the highest rung: sound, packets sent again, key packets. */
const HEADROOM = 1.5;

/**
 * Opens viewers over WebRTC.
 *
 * @throws {StreamError} (the opener) `bad_request`, `session_limit`; nothing is held then.
 */
export const rtcViewers =
  (parts: RtcViewerParts): OpenRtcViewer =>
  async (hosted, role, offer, wish) => {
    const viewer = new RtcViewer(parts, { hosted, role, wish });
    const connection = await parts.answer(
      offer,
      {
        ...parts.network,
        delay: wish.delay,
        startBitrate: wish.bitrate * HEADROOM,
        maxBitrate: wish.bitrate * HEADROOM,
      },
      viewer.handlers,
    );
    viewer.join(connection);
    return viewer;
  };

interface Invitation {
  readonly hosted: HostedSession;
  readonly role: Role;
  readonly wish: RtcWish;
}

/**
 * A member whose pictures and sound go over RTP, and whose events go over the data channel `control`.
 *
 * Every member begins in the audience. A controller takes the seat when its `control` channel opens, so that a
 * player that only plays takes it from nobody.
 *
 * Lifetime: from construction until its connection is gone, another took the seat, or the session ended.
 */
class RtcViewer implements Member, Steerable, RtcResource {
  readonly closed: Promise<void>;
  /** What the connection tells. */
  readonly handlers: RtcHandlers = {
    connected: () => this.#connected(),
    opened: () => this.#opened(),
    message: (message) => this.#take(message),
    refused: (error) => this.#refused(error),
    keyframeWanted: () => this.requestKeyframe(),
    rateChanged: (bitsPerSecond) => this.#rateChanged(as(bitsPerSecond)),
    closed: (_reason, silent) => this.#closed(silent),
  };
  readonly #parts: RtcViewerParts;
  readonly #hosted: HostedSession;
  readonly #role: Role;
  readonly #rungs: readonly BitsPerSecond[];
  readonly #subscriptions: Subscription[] = [];
  readonly #gone = Promise.withResolvers<undefined>();
  #ladder: LadderState = topOfLadder;
  /** Since when it has been waiting for its first picture. */
  #waitingSince: Millis | undefined;
  #connection: ViewerConnection | undefined;
  #switch: RenditionSwitch | undefined;
  #isOpen = false;
  #isOver = false;

  constructor(parts: RtcViewerParts, { hosted, role, wish }: Invitation) {
    this.#parts = parts;
    this.#hosted = hosted;
    this.#role = role;
    this.#rungs = rungsOf(wish.bitrate);
    this.#waitingSince = parts.clock.now();
    this.closed = this.#gone.promise;
  }

  /** Join the audience. @throws {StreamError} `session_limit`, `bad_request`; the connection is closed then. */
  join(connection: ViewerConnection): void {
    this.#connection = connection;
    if (this.#isOver) throw new StreamError("bad_request", "the connection ended at once");
    try {
      this.#hosted.join(this, "viewer");
    } catch (cause) {
      connection.close();
      throw cause;
    }
    // Failures come as the session's event `failed`.
    const error = () => undefined;
    const { events$ } = this.#hosted.session;
    this.#subscriptions.push(events$.subscribe({ next: (event) => this.#observe(event), error }));
  }

  get answerSdp(): string {
    return this.#connection?.answerSdp ?? "";
  }

  async addCandidates(fragment: string): Promise<void> {
    await this.#connection?.addCandidates(fragment);
  }

  async restart(fragment: string): Promise<string> {
    return (await this.#connection?.restart(fragment)) ?? "";
  }

  close(): void {
    this.#connection?.close();
  }

  #connected(): void {
    const { session } = this.#hosted;
    const codec = this.#connection?.codec;
    if (codec !== undefined) {
      this.#switch = new RenditionSwitch(session, codec, this.#bitrate);
      if (this.#isOpen) this.#tellConfig();
    }
    const error = () => undefined;
    this.#subscriptions.push(
      session.pictures$.subscribe({ next: (picture) => this.#show(picture), error }),
      session.sound$.subscribe({
        next: ({ packet }) => this.#connection?.sendSound(packet),
        error,
      }),
    );
  }

  #opened(): void {
    this.#isOpen = true;
    const { limits } = this.#parts;
    if (this.#role === "controller") this.#hosted.join(this, "controller");
    this.tell(greetingMessage(this.#hosted, { type: "session.resumed", role: this.#role, limits }));
    this.#tellConfig();
  }

  #take(message: ClientMessage): void {
    const speaker = { hosted: this.#hosted, role: this.#role, viewer: this };
    try {
      for (const answer of steer(message, speaker)) this.tell(answer);
    } catch (cause) {
      const error = understand(cause, this.#parts.logger);
      this.#refused(error);
      this.tell(refusalOf(message, error));
    }
  }

  #refused(error: StreamError): void {
    this.#parts.metrics.refused.add(1, { code: error.code });
  }

  #rateChanged(available: BitsPerSecond): void {
    const { clock } = this.#parts;
    const before = this.#ladder.rung;
    this.#ladder = climb(this.#ladder, this.#rungs, available, clock.now());
    const { rung } = this.#ladder;
    if (rung === before || this.#switch === undefined) return;
    const { id } = this.#switch.want(this.#bitrate);
    this.tell({
      type: "quality.changed",
      rendition: id,
      bitrate: this.#bitrate,
      reason: rung > before ? "bandwidth" : "recovered",
    });
  }

  #closed(silent: Millis): void {
    this.#release();
    this.#hosted.leave(this, silent);
    this.#isOver = true;
    this.#gone.resolve(undefined);
  }

  tell(event: ServerEvent): void {
    if (this.#isOpen) this.#connection?.send(event);
  }

  replaced(): void {
    const error = new StreamError("state_conflict", "another connection took over this session");
    this.tell({ type: "error", error: error.serialise() });
    this.close();
  }

  /** RTP has reports of its own: nothing is acknowledged. */
  acknowledge(): void {
    throw new StreamError("state_conflict", "media.ack belongs to the WebSocket");
  }

  observed({ skew_ms, freezes }: ClientStats): void {
    this.#parts.metrics.observed(skew_ms, freezes);
  }

  requestKeyframe(): void {
    this.#switch?.requestKeyframe();
  }

  stats(eventId?: string): StatsReport {
    const stats = this.#connection?.stats();
    return statsMessage(this.#hosted.session, viewerStats(stats), eventId);
  }

  get #bitrate(): BitsPerSecond {
    return this.#rungs[this.#ladder.rung] ?? as(0);
  }

  #tellConfig(): void {
    if (this.#switch === undefined) return;
    this.tell(configMessage(this.#hosted, this.#switch.current));
  }

  #observe(event: SessionEvent): void {
    if (event.type === "report") {
      this.tell(this.stats());
      return;
    }
    const message = messageOf(this.#hosted.session, event);
    if (message !== undefined) this.tell(message);
    if (event.type === "ended") this.close();
  }

  #show(picture: Picture): void {
    const { metrics, clock } = this.#parts;
    const packet = this.#switch?.packetOf(picture);
    if (packet === undefined || packet.codec === "rgb") return;
    const { codec, key, pts, data } = packet;
    this.#connection?.sendVideo({ codec, key, pts, data });
    if (key && this.#waitingSince !== undefined) {
      metrics.firstFrame.observe((clock.now() - this.#waitingSince) / 1000);
      this.#waitingSince = undefined;
    }
    metrics.frames.add(1, { what: "sent" });
    metrics.sentBytes.add(data.byteLength);
  }

  #release(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#switch?.release();
    this.#switch = undefined;
  }
}

const viewerStats = (stats: RtcStats | undefined): StatsReport["viewer"] => ({
  in_flight_frames: 0,
  dropped_frames: stats?.dropped ?? 0,
  sent_bytes: stats?.bytes ?? 0,
  bitrate: Math.round(stats?.sending ?? 0),
  ...(stats !== undefined && {
    network: {
      ...(stats.roundTrip !== undefined && { round_trip_ms: stats.roundTrip }),
      loss: stats.loss,
      estimate: Math.round(stats.estimate),
      retransmitted: stats.retransmitted,
    },
  }),
});
