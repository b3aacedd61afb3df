import { systemClock } from "../../src/core/clock.ts";
import type { ControlValues } from "../../src/core/controls.ts";
import { StreamError, toStreamError } from "../../src/core/errors.ts";
import type { Millis } from "../../src/core/units.ts";
import type { CacheSettings } from "../../src/protocol/cache.ts";
import type { ModelSummary, ServerEvent, SessionStateName } from "../../src/protocol/events.ts";
import {
  decodeMediaFrame,
  type MediaHeader,
  type PictureCodec,
} from "../../src/protocol/media-frame.ts";
import type {
  ClientMessageInput,
  LiveParameterChange,
  LiveParameters,
} from "../../src/protocol/messages.ts";
import { pictureContext, resize } from "./canvas.ts";
import { ControlPad } from "./control-pad.ts";
import type { PictureConfig } from "./decode-messages.ts";
import { Emitter } from "./emitter.ts";
import type { Link, LinkHandlers, LinkState } from "./link.ts";
import type { Meter, SessionStats } from "./meter.ts";
import { PacketPlayer } from "./packet-player.ts";
import type { Player } from "./player.ts";
import { Requests } from "./requests.ts";
import { publishSound } from "./rtc/publish.ts";
import { StreamPlayer } from "./rtc/stream-player.ts";
import type { Session, SessionEvents, TransportChoice } from "./session.ts";
import { SessionCache } from "./session-cache.ts";
import { SessionImage } from "./session-image.ts";
import { SessionSpeech } from "./session-speech.ts";
import { SessionAudio } from "./sound/session-audio.ts";
import type { Transport, TransportName } from "./transport.ts";
import type { UploadTarget } from "./uploads.ts";

/** How often `stats` is told. */
const STATS_EVERY_MS = 500;
/** The server is told how it looks here with every so many `stats`: every five seconds. */
const REPORTS_PER_MESSAGE = 10;
/** What one message may say at most (docs/protocol.md). */
const MOST_TOLD = { skew: 10_000, freezes: 1_000 } as const;
/** Key packets are asked for at most this often. */
const KEY_EVERY_MS = 300;

/** The first event of a session. */
type Created = Extract<ServerEvent, { type: "session.created" | "session.resumed" }>;

/** What a session is made of. */
export interface SessionParts {
  readonly link: Link;
  readonly created: Created;
  readonly canvas: HTMLCanvasElement;
  readonly workerUrl: string | URL;
  readonly workletUrl: string | URL;
  readonly meter: Meter;
  /** What this browser decodes, best first. */
  readonly codecs: readonly PictureCodec[];
  /** Pictures carry markers. */
  readonly hasMarkers: boolean;
  /** The server, and its own secret. */
  readonly home: UploadTarget;
  /** STUN and TURN servers for what is published. */
  readonly iceServers: readonly RTCIceServer[];
  /** The ways to the server for a choice of transport. */
  readonly transportsFor: (choice: TransportChoice) => readonly Transport[];
}

/** A request without the `event_id` that the session adds. */
type Request = Exclude<ClientMessageInput, { type: "media.ack" | "stats.client" }>;

/** The one implementation of `Session`: joins link, players, controls and meter. */
export class LiveSession<Values extends ControlValues>
  extends Emitter<SessionEvents>
  implements Session<Values>
{
  readonly id: string;
  readonly role: Session["role"];
  readonly viewerToken: string;
  readonly model: ModelSummary;
  readonly canvas: HTMLCanvasElement;
  readonly controls: ControlPad<Values>;
  readonly audio: SessionAudio;
  readonly cache: SessionCache;
  readonly speech: SessionSpeech;
  readonly image: SessionImage;
  readonly #parts: SessionParts;
  readonly #link: Link;
  readonly #meter: Meter;
  readonly #requests = new Requests();
  readonly #statsTimer: ReturnType<typeof setInterval>;
  #packets: PacketPlayer | undefined;
  #streamed: StreamPlayer | undefined;
  #keyAskedAt = Number.NEGATIVE_INFINITY;
  #isReduced = false;
  #reports = 0;
  #freezesTold = 0;
  #captured: MediaStream | undefined;
  transport: TransportName | undefined;
  state: SessionStateName;
  link: LinkState = { kind: "live" };
  parameters: LiveParameters;
  config: PictureConfig | undefined;

  constructor(parts: SessionParts) {
    super();
    const { link, created, canvas, meter } = parts;
    const { video } = created.model;
    this.#parts = parts;
    this.#link = link;
    this.#meter = meter;
    this.id = created.session;
    this.role = created.role;
    this.viewerToken = created.viewer_token;
    this.model = created.model;
    this.state = created.state;
    this.parameters = created.parameters;
    this.canvas = canvas;
    pictureContext(canvas);
    resize(canvas, video.width, video.height);
    this.controls = new ControlPad(created.model.controls, (values) => this.#input(values));
    this.cache = new SessionCache(created.cache, (request) => this.#ask(request));
    this.image = new SessionImage(parts.home, (request) => this.#ask(request));
    this.speech = new SessionSpeech({
      ask: (request) => this.#ask(request),
      send: (message) => void link.send(message),
      nextId: () => this.#requests.nextId(),
      refused: (error) => this.emit("error", error),
      publish: (stream) => this.#publish(stream),
    });
    this.audio = new SessionAudio(() => {
      const { muted, volume, locked } = this.audio;
      this.emit("audio", { muted, volume, locked });
    });
    this.#followTransport();
    this.#statsTimer = setInterval(() => void this.#report(), STATS_EVERY_MS);
  }

  readonly pause = () => this.#request({ type: "generation.pause" });
  readonly resume = () => this.#request({ type: "generation.resume" });
  readonly step = () => this.#request({ type: "generation.step" });
  readonly reset = (change: { seed?: number; start?: string } = {}) =>
    this.#request({ type: "generation.reset", ...change });
  readonly update = (parameters: LiveParameterChange) =>
    this.#request({ type: "params.update", parameters });
  readonly captureStream = () => {
    this.#captured ??= new MediaStream([
      ...this.canvas.captureStream(this.model.video.frame_rate).getTracks(),
      ...this.audio.captureTracks(),
    ]);
    return this.#captured;
  };
  readonly use = (choice: TransportChoice) => {
    this.#link.renew({ transports: this.#parts.transportsFor(choice) });
  };

  readonly requestKeyframe = () => {
    const now = systemClock.now();
    if (now - this.#keyAskedAt < KEY_EVERY_MS) return;
    this.#keyAskedAt = now;
    this.#link.send({ type: "media.request_keyframe" });
  };

  readonly stop = () => {
    if (this.role === "controller") this.#link.send({ type: "session.stop" });
    this.#link.close();
  };

  /** Where this session's link delivers, from the event after the first on. */
  readonly handlers: LinkHandlers = {
    event: (event) => this.#received(event),
    media: (message) => this.#media(message),
    stream: (stream) => this.#showStream(stream),
    state: (state) => this.#linkChanged(state),
  };

  get #player(): Player | undefined {
    return this.#streamed ?? this.#packets;
  }

  /** The transport may be another one than before: its player takes over. */
  #followTransport(): void {
    const { transport } = this.#link;
    const before = this.transport;
    this.transport = transport;
    this.#streamed?.close();
    this.#streamed = undefined;
    if (transport === "websocket") this.#packets ??= this.#openPackets();
    else {
      this.#packets?.close();
      this.#packets = undefined;
    }
    this.#player?.clear();
    if (transport !== undefined && transport !== before) this.emit("transport", { transport });
  }

  #showStream(stream: MediaStream): void {
    const { canvas, model, audio } = this;
    const { hasMarkers } = this.#parts;
    this.#streamed = new StreamPlayer(
      { stream, canvas, model, audio, hasMarkers },
      { drawn: (header, at) => this.#drawn(header, at) },
    );
    if (this.config) this.#streamed.configure(this.config);
  }

  #openPackets(): PacketPlayer {
    const { canvas, audio } = this;
    const { workerUrl, workletUrl, codecs } = this.#parts;
    return new PacketPlayer(
      { canvas, audio, workerUrl, workletUrl, codecs },
      {
        drawn: (header, at) => this.#drawn(header, at),
        skipped: (frames) => {
          this.#meter.dropped += frames;
        },
        acknowledge: (sequence) => {
          this.#link.send({ type: "media.ack", sequence, dropped: this.#meter.dropped });
        },
        keyWanted: (failed) => {
          if (failed) this.#meter.decodeErrors += 1;
          this.requestKeyframe();
        },
        codecsLeft: (left) => {
          this.#link.renew({ media: { codecs: [...left] } });
        },
        broken: (reason) => {
          this.#giveUp(reason);
        },
      },
    );
  }

  #drawn(header: MediaHeader, at: Millis): void {
    const latency = this.#meter.drawn(header.epoch, at);
    if (latency !== undefined) this.emit("latency", latency);
    this.emit("frame", header);
  }

  async #report(): Promise<void> {
    const sample = await this.#link.measure();
    const player = this.#player;
    if (sample !== undefined) player?.measured(sample);
    const skew = player?.skew;
    const stats = this.#meter.report(systemClock.now(), {
      transport: this.transport,
      network: skew === undefined ? sample : { ...sample, skew },
      isEstimated: this.#streamed !== undefined && !this.#parts.hasMarkers,
      isStreaming: this.state === "streaming",
      nominalRate: this.model.video.frame_rate,
      isReduced: this.#isReduced,
    });
    this.emit("stats", stats);
    this.#tellServer(stats);
  }

  /** Let the server's figures know how sound and picture fare here. */
  #tellServer({ network }: SessionStats): void {
    this.#reports += 1;
    if (this.#reports % REPORTS_PER_MESSAGE !== 0) return;
    const { skew, freezes = 0 } = network;
    const since = Math.max(0, Math.min(MOST_TOLD.freezes, freezes - this.#freezesTold));
    this.#freezesTold = freezes;
    if (skew === undefined && since === 0) return;
    const { skew: most } = MOST_TOLD;
    const skew_ms = skew === undefined ? undefined : Math.max(-most, Math.min(most, skew));
    this.#link.send({ type: "stats.client", skew_ms, freezes: since });
  }

  #giveUp(reason: string): void {
    this.emit(
      "error",
      new StreamError("unsupported_codec", `the pictures cannot be decoded: ${reason}`, {
        recovery: "end-session",
      }),
    );
    this.stop();
  }

  #publish(stream: MediaStream) {
    const { home, iceServers, created } = this.#parts;
    const { server } = home;
    return publishSound({ server, session: this.id, token: created.token, iceServers }, stream);
  }

  async #request(request: Request): Promise<void> {
    await this.#ask(request);
  }

  #ask(request: Request): Promise<ServerEvent> {
    const event_id = this.#requests.nextId();
    const answer = this.#requests.answer(event_id);
    if (!this.#link.send({ ...request, event_id })) this.#requests.abandon();
    return answer;
  }

  #input(values: ControlValues): void {
    const event_id = this.#requests.nextId();
    const sent = this.#link.send({ type: "control.input", event_id, values });
    if (sent) this.#meter.latency.sent(event_id, systemClock.now());
  }

  #media(message: ArrayBuffer): void {
    this.#meter.received(message.byteLength);
    try {
      if (this.has("packet")) {
        const { header, payload } = decodeMediaFrame(new Uint8Array(message));
        this.emit("packet", { header, payload: payload.slice() });
      }
      this.#packets?.media(message);
    } catch (cause) {
      this.emit("error", toStreamError(cause));
    }
  }

  #received(event: ServerEvent): void {
    this.emit("event", event);
    this.#player?.event(event);
    const answered = this.#requests.settle(event);
    switch (event.type) {
      case "session.resumed":
      case "session.updated":
        this.#updated(event);
        if (event.type === "session.resumed") this.#resumed(event.cache);
        return;
      case "media.config":
        this.#configure(event);
        return;
      case "stats.report":
        this.#meter.serverReport(event);
        return;
      case "quality.changed":
        this.#isReduced = event.reason === "bandwidth";
        return;
      case "error":
        if (!answered) this.emit("error", StreamError.from(event.error));
        return;
      case "input.applied":
        this.emit("applied", event);
        return;
      default:
        this.#generationChanged(event);
        this.#cacheTold(event);
        this.#speechTold(event);
        this.#inputAnswered(event);
    }
  }

  #generationChanged({ type }: ServerEvent): void {
    if (type === "generation.paused") this.#setState("paused");
    if (type === "generation.started" || type === "generation.resumed") this.#setState("streaming");
  }

  #inputAnswered(event: ServerEvent): void {
    if (!("event_id" in event)) return;
    if (event.type === "input.rejected") this.#meter.latency.refused(event.event_id);
    if (event.type === "input.accepted" || event.type === "input.superseded") {
      this.#meter.latency.accepted(event.event_id, event.epoch);
    }
  }

  #updated(event: { state: SessionStateName; parameters: LiveParameters }): void {
    this.parameters = event.parameters;
    this.emit("parameters", event.parameters);
    this.#setState(event.state);
  }

  #cacheTold(event: ServerEvent): void {
    if (event.type === "cache.configured") this.#cacheChanged(event.cache);
    if (event.type === "cache.reset") this.#cacheChanged(this.cache.settings);
  }

  #speechTold(event: ServerEvent): void {
    this.speech.told(event);
    if (
      event.type === "speech.started" ||
      event.type === "speech.finished" ||
      event.type === "output.cleared"
    ) {
      this.emit("speech", event);
    }
  }

  #cacheChanged(settings: CacheSettings): void {
    this.cache.settings = settings;
    this.emit("cache", settings);
  }

  #resumed(cache: CacheSettings): void {
    this.#cacheChanged(cache);
    this.#meter.latency.clear();
    this.#isReduced = false;
    this.#followTransport();
    if (this.role === "controller") this.controls.resend();
  }

  #configure({ codec, width, height }: PictureConfig): void {
    this.config = { codec, width, height };
    this.#player?.configure(this.config);
    this.emit("config", this.config);
  }

  #setState(state: SessionStateName): void {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }

  #linkChanged(state: LinkState): void {
    this.link = state;
    if (state.kind !== "live") this.#requests.abandon();
    if (state.kind === "closed") this.#dispose();
    this.emit("link", state);
  }

  #dispose(): void {
    clearInterval(this.#statsTimer);
    this.#packets?.close();
    this.#streamed?.close();
    this.audio.close();
    this.speech.abandon();
    this.#setState("ended");
  }
}
