import { systemClock } from "../../src/core/clock.ts";
import type { ControlValues } from "../../src/core/controls.ts";
import { StreamError, toStreamError } from "../../src/core/errors.ts";
import type { ModelSummary, ServerEvent, SessionStateName } from "../../src/protocol/events.ts";
import {
  decodeMediaFrame,
  type MediaCodec,
  type MediaHeader,
} from "../../src/protocol/media-frame.ts";
import type {
  ClientMessageInput,
  LiveParameterChange,
  LiveParameters,
} from "../../src/protocol/messages.ts";
import { CodecLadder } from "./codecs.ts";
import { ControlPad } from "./control-pad.ts";
import type { PictureConfig } from "./decode-messages.ts";
import { Decoding } from "./decoding.ts";
import { Emitter } from "./emitter.ts";
import type { Link, LinkHandlers, LinkState } from "./link.ts";
import type { Meter } from "./meter.ts";
import { Presenter } from "./presenter.ts";
import { Requests } from "./requests.ts";
import type { Session, SessionEvents } from "./session.ts";

/** How often `stats` is told. */
const STATS_EVERY_MS = 500;
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
  readonly meter: Meter;
  /** What this browser decodes, best first. */
  readonly codecs: readonly MediaCodec[];
}

/** A request without the `event_id` that the session adds. */
type Request = Exclude<ClientMessageInput, { type: "media.ack" }>;

/** The one implementation of `Session`: joins link, decoding, presenter, controls and meter. */
export class LiveSession<Values extends ControlValues>
  extends Emitter<SessionEvents>
  implements Session<Values>
{
  readonly id: string;
  readonly model: ModelSummary;
  readonly canvas: HTMLCanvasElement;
  readonly controls: ControlPad<Values>;
  readonly #link: Link;
  readonly #meter: Meter;
  readonly #requests = new Requests();
  readonly #decoding: Decoding;
  readonly #presenter: Presenter;
  readonly #statsTimer: ReturnType<typeof setInterval>;
  readonly #ladder: CodecLadder;
  /** How the newest packet is coded. */
  #codec: MediaCodec = "rgb";
  #keyAskedAt = Number.NEGATIVE_INFINITY;
  state: SessionStateName;
  link: LinkState = { kind: "live" };
  parameters: LiveParameters;
  config: PictureConfig | undefined;

  constructor({ link, created, canvas, workerUrl, meter, codecs }: SessionParts) {
    super();
    this.#ladder = new CodecLadder(codecs);
    this.#link = link;
    this.#meter = meter;
    this.id = created.session;
    this.model = created.model;
    this.state = created.state;
    this.parameters = created.parameters;
    this.canvas = canvas;
    this.controls = new ControlPad(created.model.controls, (values) => this.#input(values));
    this.#decoding = this.#openDecoding(workerUrl);
    this.#presenter = new Presenter(canvas, {
      drawn: (header, at) => {
        const latency = meter.drawn(header.epoch, at);
        if (latency !== undefined) this.emit("latency", latency);
        this.emit("frame", header);
      },
      skipped: (frames) => {
        meter.dropped += frames;
      },
    });
    this.#presenter.resize(created.model.video.width, created.model.video.height);
    this.#statsTimer = setInterval(() => {
      this.emit("stats", meter.report(systemClock.now()));
    }, STATS_EVERY_MS);
  }

  readonly pause = () => this.#request({ type: "generation.pause" });
  readonly resume = () => this.#request({ type: "generation.resume" });
  readonly step = () => this.#request({ type: "generation.step" });
  readonly reset = (change: { seed?: number; start?: string } = {}) =>
    this.#request({ type: "generation.reset", ...change });
  readonly update = (parameters: LiveParameterChange) =>
    this.#request({ type: "params.update", parameters });
  readonly captureStream = () => this.canvas.captureStream(this.model.video.frame_rate);

  readonly requestKeyframe = () => {
    const now = systemClock.now();
    if (now - this.#keyAskedAt < KEY_EVERY_MS) return;
    this.#keyAskedAt = now;
    this.#link.send({ type: "media.request_keyframe" });
  };

  readonly stop = () => {
    this.#link.send({ type: "session.stop" });
    this.#link.close();
  };

  /** Where this session's link delivers, from the event after `session.created` on. */
  readonly handlers: LinkHandlers = {
    event: (event) => this.#received(event),
    media: (message) => this.#media(message),
    state: (state) => this.#linkChanged(state),
  };

  #openDecoding(workerUrl: string | URL): Decoding {
    return new Decoding(workerUrl, {
      picture: (header, picture) => {
        this.#ladder.decoded();
        this.#acknowledge(header);
        this.#presenter.push(header, picture);
      },
      discarded: (header) => {
        this.#meter.dropped += 1;
        this.#acknowledge(header);
        this.requestKeyframe();
      },
      needKey: (reason) => {
        this.#meter.decodeErrors += 1;
        this.#decodeFailed(reason);
      },
      broken: (reason) => {
        this.#giveUp(reason);
      },
    });
  }

  /** Try again from a key packet; after several failures in a row ask for the next codec. */
  #decodeFailed(reason: string): void {
    const codecs = this.#ladder.failed(this.#codec);
    if (codecs === undefined) this.requestKeyframe();
    else if (codecs.length === 0) this.#giveUp(reason);
    else this.#link.renew({ codecs: [...codecs] });
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

  #request(request: Request): Promise<void> {
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

  #acknowledge({ sequence }: MediaHeader): void {
    this.#link.send({ type: "media.ack", sequence, dropped: this.#meter.dropped });
  }

  #media(message: ArrayBuffer): void {
    this.#meter.received(message.byteLength);
    try {
      const { header, payload } = decodeMediaFrame(new Uint8Array(message));
      if (header.kind !== "video" || this.config === undefined) return;
      this.#codec = header.codec;
      if (this.has("packet")) this.emit("packet", { header, payload: payload.slice() });
      this.#decoding.decode(header, message);
    } catch (cause) {
      this.emit("error", toStreamError(cause));
    }
  }

  #received(event: ServerEvent): void {
    this.emit("event", event);
    const answered = this.#requests.settle(event);
    switch (event.type) {
      case "session.resumed":
      case "session.updated":
        this.#updated(event);
        if (event.type === "session.resumed") this.#resumed();
        return;
      case "media.config":
        this.#configure(event);
        return;
      case "stats.report":
        this.#meter.serverReport(event);
        return;
      case "error":
        if (!answered) this.emit("error", StreamError.from(event.error));
        return;
      case "input.applied":
        this.emit("applied", event);
        return;
      case "generation.paused":
        this.#setState("paused");
        return;
      case "generation.started":
      case "generation.resumed":
        this.#setState("streaming");
        return;
      default:
        this.#inputAnswered(event);
    }
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

  #resumed(): void {
    this.#meter.latency.clear();
    this.#presenter.clear();
    this.controls.resend();
  }

  #configure({ codec, width, height }: PictureConfig): void {
    this.config = { codec, width, height };
    this.#decoding.configure(this.config);
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
    this.#decoding.close();
    this.#presenter.close();
    this.#setState("ended");
  }
}
