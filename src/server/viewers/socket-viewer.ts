import type { Subscription } from "rxjs";
import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as, type Bytes, type Millis } from "../../core/units.ts";
import { PACKET_MICROS } from "../../media/sound-encoder.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import type { ServerEvent, StatsReport } from "../../protocol/events.ts";
import type { ClientMessage, MediaWish } from "../../protocol/messages.ts";
import type { Picture, SessionEvent, Sound } from "../../stream/events.ts";
import type { SessionLimits } from "../../stream/limits.ts";
import type { RenditionHold } from "../../stream/renditions.ts";
import type { Session } from "../../stream/session.ts";
import { SendQueue } from "../../transport/send-queue.ts";
import type { Peer } from "../../transport/websocket/peer.ts";
import { closeCodeOfEnd, messageOf, statsMessage } from "../event-messages.ts";
import type { HostedSession, Member, Role } from "../hosted-session.ts";
import type { ServerMetrics } from "../metrics.ts";
import { configMessage, greetingMessage } from "./greeting.ts";
import type { ClientStats, Steerable } from "./steering.ts";

/** What a viewer is made of. */
export interface SocketViewerParts {
  readonly peer: Peer;
  readonly hosted: HostedSession;
  readonly role: Role;
  readonly wish: MediaWish;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
}

/** How a viewer is greeted, and since when it has been waiting for a picture. */
export interface Arrival {
  readonly type: "session.created" | "session.resumed";
  readonly eventId: string | undefined;
  readonly askedAt: Millis;
}

/** Media time that may be in flight to one viewer, milliseconds: covers a long way and a slow decoder's start. */
const WINDOW_MS = 1_000;
/** Bytes that may be in flight to one viewer. */
const WINDOW_BYTES: Bytes = as(1_000_000);
/** A viewer that acknowledges nothing for this long is sent away. */
const SLOW_AFTER: Millis = as(30_000);

/**
 * A member whose pictures, sound and events go over a WebSocket, bounded by what it acknowledges.
 *
 * Lifetime: from construction until the connection is gone, another took the seat, or the session ended.
 */
export class SocketViewer implements Member, Steerable {
  readonly #parts: SocketViewerParts;
  readonly #session: Session;
  readonly #hold: RenditionHold;
  readonly #queue: SendQueue;
  readonly #subscriptions: Subscription[] = [];
  #firstFrameSince: Millis | undefined;
  #clientDropped = 0;
  #measured: { readonly at: Millis; readonly bytes: number };
  #bitrate = 0;

  constructor(parts: SocketViewerParts) {
    const { hosted, wish, peer, clock } = parts;
    const { session } = hosted;
    const [codec = "rgb"] = wish.codecs;
    this.#parts = parts;
    this.#session = session;
    this.#hold = session.rendition(codec, as(wish.bitrate));
    this.#queue = new SendQueue(
      {
        sink: peer,
        window: { frames: framesInWindow(session, wish), bytes: WINDOW_BYTES },
        clock,
      },
      () => {
        this.#hold.requestKeyframe();
      },
    );
    this.#measured = { at: clock.now(), bytes: 0 };
  }

  /**
   * Join the session, greet the client and begin to send.
   *
   * @throws {StreamError} `session_limit` when too many watch already; nothing is held then.
   */
  begin({ type, eventId, askedAt }: Arrival): void {
    const { hosted, peer, role, limits } = this.#parts;
    if (type === "session.created") this.#firstFrameSince = askedAt;
    try {
      hosted.join(this, role);
    } catch (cause) {
      this.#hold.release();
      throw cause;
    }
    peer.send(greetingMessage(hosted, { type, role, limits, eventId }));
    peer.send(configMessage(hosted, this.#hold.options));
    // Failures come as the session's event `failed`.
    const error = () => undefined;
    this.#subscriptions.push(
      this.#session.events$.subscribe({ next: (event) => this.#observe(event), error }),
      this.#session.pictures$.subscribe({ next: (picture) => this.#show(picture), error }),
    );
    if (!this.#parts.wish.sound) return;
    this.#subscriptions.push(
      this.#session.sound$.subscribe({ next: (sound) => this.#play(sound), error }),
    );
  }

  tell(event: ServerEvent): void {
    this.#parts.peer.send(event);
  }

  /**
   * The client has every frame up to `sequence`.
   *
   * @throws {StreamError} `bad_parameter` when that frame never was sent.
   */
  acknowledge({ sequence, dropped }: Extract<ClientMessage, { type: "media.ack" }>): void {
    if (!this.#queue.acknowledge(sequence)) {
      throw new StreamError("bad_parameter", "media.ack: sequence: no such frame was sent", {
        detail: { path: "sequence" },
      });
    }
    this.#clientDropped = dropped;
  }

  observed({ skew_ms, freezes }: ClientStats): void {
    this.#parts.metrics.observed(skew_ms, freezes);
  }

  requestKeyframe(): void {
    this.#hold.requestKeyframe();
  }

  /** `stats.report`, as an answer to `eventId` or on its own. */
  stats(eventId?: string): StatsReport {
    const { sentBytes, droppedFrames } = this.#queue.totals;
    const viewer = {
      in_flight_frames: this.#queue.inFlightFrames,
      dropped_frames: droppedFrames + this.#clientDropped,
      sent_bytes: sentBytes,
      bitrate: Math.round(this.#bitrate),
    };
    return statsMessage(this.#session, viewer, eventId);
  }

  replaced(): void {
    this.#release();
    this.#parts.peer.close(CLOSE.replaced, "another connection took over this session");
  }

  /** The connection is gone: unless somebody else is there, the session's grace period begins. */
  leave(): void {
    this.#release();
    this.#parts.hosted.leave(this);
  }

  #release(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#hold.release();
  }

  #observe(event: SessionEvent): void {
    const { peer, hosted } = this.#parts;
    if (event.type === "report") {
      this.#measure();
      peer.send(this.stats());
      return;
    }
    const message = messageOf(this.#session, event);
    if (message !== undefined) peer.send(message);
    if (event.type === "ended") {
      peer.close(closeCodeOfEnd(event.reason), `the session ended: ${event.reason}`);
      this.#release();
      hosted.leave(this);
    }
  }

  #measure(): void {
    const now = this.#parts.clock.now();
    const { sentBytes } = this.#queue.totals;
    const seconds = Math.max(now - this.#measured.at, 1) / 1000;
    this.#bitrate = ((sentBytes - this.#measured.bytes) * 8) / seconds;
    this.#measured = { at: now, bytes: sentBytes };
  }

  #show(picture: Picture): void {
    if (this.#queue.silence > SLOW_AFTER) {
      this.#tooSlow();
      return;
    }
    const { id } = this.#hold.options;
    const packet = picture.packets.find(({ rendition }) => rendition === id);
    if (packet === undefined) return;
    const { block, frame, pts, duration, epoch, endOfBlock } = picture;
    const outcome = this.#queue.offer({
      header: {
        kind: "video",
        codec: packet.codec,
        key: packet.key,
        discardable: false,
        endOfBlock,
        rendition: id,
        pts,
        duration,
        epoch,
        frame,
        block,
      },
      payload: packet.data,
    });
    this.#count(outcome, packet.data.byteLength);
  }

  #play({ packet, picture }: Sound): void {
    const { pts, duration, data } = packet;
    const { block, frame, epoch } = picture;
    const header = {
      kind: "audio",
      codec: "opus",
      key: true,
      discardable: false,
      endOfBlock: false,
      rendition: 0,
      pts,
      duration,
      epoch,
      frame,
      block,
    } as const;
    const outcome = this.#queue.offerSound({ header, payload: data });
    if (outcome === "sent") this.#parts.metrics.sentBytes.add(data.byteLength);
  }

  #count(outcome: "sent" | "dropped", bytes: number): void {
    const { metrics, clock } = this.#parts;
    metrics.frames.add(1, { what: outcome });
    if (outcome === "dropped") return;
    metrics.sentBytes.add(bytes);
    if (this.#firstFrameSince === undefined) return;
    metrics.firstFrame.observe((clock.now() - this.#firstFrameSince) / 1000);
    this.#firstFrameSince = undefined;
  }

  #tooSlow(): void {
    const { peer } = this.#parts;
    const error = new StreamError(
      "slow_consumer",
      "no frame was acknowledged for too long; send media.ack for what was decoded",
      { recovery: "retry" },
    );
    peer.sendError(error);
    peer.close(CLOSE.slowConsumer, error.message);
  }
}

/** Messages that a second of media is made of. */
function framesInWindow({ model }: Session, { sound }: MediaWish): number {
  const pictures = Math.ceil((model.frameRate * WINDOW_MS) / 1000);
  return sound ? pictures + (WINDOW_MS * 1000) / PACKET_MICROS : pictures;
}
