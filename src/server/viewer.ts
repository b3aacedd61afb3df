import type { Subscription } from "rxjs";
import type { Clock } from "../core/clock.ts";
import { StreamError } from "../core/errors.ts";
import { as, type Bytes, type Millis } from "../core/units.ts";
import { codecString, codedSize } from "../media/encoder.ts";
import { CLOSE } from "../protocol/close-codes.ts";
import type { ServerEvent, StatsReport } from "../protocol/events.ts";
import { type ClientMessage, type MediaWish, PROTOCOL_VERSION } from "../protocol/messages.ts";
import type { RenditionCodec } from "../stream/engine/contract.ts";
import type { Picture, SessionEvent } from "../stream/events.ts";
import type { SessionLimits } from "../stream/limits.ts";
import type { RenditionHold } from "../stream/renditions.ts";
import type { Session } from "../stream/session.ts";
import { SendQueue } from "../transport/send-queue.ts";
import type { Peer } from "../transport/websocket/peer.ts";
import { closeCodeOfEnd, liveParametersOf, messageOf, statsMessage } from "./event-messages.ts";
import type { HostedSession, SeatHolder } from "./hosted-session.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { OfferedModel } from "./models.ts";

/** What a viewer is made of. */
export interface ViewerParts {
  readonly peer: Peer;
  readonly hosted: HostedSession;
  readonly wish: MediaWish;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
}

/** How a viewer is greeted, and since when it has been waiting for a picture. */
export interface Greeting {
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
 * Choose the best codec a viewer can decode and this model's pictures can have.
 *
 * @throws {StreamError} `unsupported_codec`.
 */
export function chooseCodec({ codecs }: MediaWish, { summary }: OfferedModel): RenditionCodec {
  const { width, height } = summary.video;
  const possible = width % 2 === 0 && height % 2 === 0 ? ["h264", "vp8", "rgb"] : ["rgb"];
  const codec = codecs.find((each) => possible.includes(each));
  if (codec !== undefined) return codec;
  throw new StreamError(
    "unsupported_codec",
    `pictures of ${width}×${height} can be had as: ${possible.join(", ")}`,
  );
}

/**
 * One client in a session's seat: pictures and events go to it, bounded by what it acknowledges.
 *
 * Lifetime: from construction until the connection is gone, another took the seat, or the session ended.
 */
export class Viewer implements SeatHolder {
  readonly #parts: ViewerParts;
  readonly #session: Session;
  readonly #hold: RenditionHold;
  readonly #queue: SendQueue;
  readonly #subscriptions: Subscription[] = [];
  #firstFrameSince: Millis | undefined;
  #clientDropped = 0;
  #measured: { readonly at: Millis; readonly bytes: number };
  #bitrate = 0;

  constructor(parts: ViewerParts) {
    const { hosted, wish, peer, clock } = parts;
    const { session, model } = hosted;
    this.#parts = parts;
    this.#session = session;
    this.#hold = session.rendition(chooseCodec(wish, model), as(wish.bitrate));
    const frames = Math.ceil((session.model.frameRate * WINDOW_MS) / 1000);
    this.#queue = new SendQueue(
      { sink: peer, window: { frames, bytes: WINDOW_BYTES }, clock },
      () => {
        this.#hold.requestKeyframe();
      },
    );
    this.#measured = { at: clock.now(), bytes: 0 };
  }

  /** Take the seat, greet the client and begin to send. */
  begin(greeting: Greeting): void {
    const { hosted, peer } = this.#parts;
    if (greeting.type === "session.created") this.#firstFrameSince = greeting.askedAt;
    hosted.take(this);
    peer.send(this.#greetingMessage(greeting));
    peer.send(this.#configMessage());
    // Failures come as the session's event `failed`.
    const error = () => undefined;
    this.#subscriptions.push(
      this.#session.events$.subscribe({ next: (event) => this.#observe(event), error }),
      this.#session.pictures$.subscribe({ next: (picture) => this.#show(picture), error }),
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

  /** The connection is gone: the session's grace period begins. */
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
    const { id } = this.#hold.options;
    const packet = picture.packets.find(({ rendition }) => rendition === id);
    if (packet === undefined) return;
    if (this.#queue.silence > SLOW_AFTER) {
      this.#tooSlow();
      return;
    }
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

  #greetingMessage({ type, eventId }: Greeting): ServerEvent {
    const { hosted, limits } = this.#parts;
    return {
      type,
      ...(eventId !== undefined && { event_id: eventId }),
      protocol: PROTOCOL_VERSION,
      session: hosted.id,
      token: hosted.token,
      state: this.#session.state,
      model: hosted.model.summary,
      parameters: liveParametersOf(this.#session.parameters),
      grace_ms: limits.grace,
      idle_ms: limits.idle,
      max_ms: limits.longest,
    };
  }

  #configMessage(): ServerEvent {
    const { video } = this.#parts.hosted.model.summary;
    const { id, codec } = this.#hold.options;
    return {
      type: "media.config",
      rendition: id,
      kind: "video",
      codec: codecString(codec, { ...video, frameRate: video.frame_rate }),
      ...codedSize(codec, video),
    };
  }
}
