import { systemClock } from "../../src/core/clock.ts";
import type { ControlValues } from "../../src/core/controls.ts";
import { StreamError, toStreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { LiveParameterChange, MediaWish, SUBPROTOCOL } from "../../src/protocol/messages.ts";
import { socketAddress } from "./address.ts";
import { decodableCodecs } from "./codecs.ts";
import { Link, type LinkHandlers } from "./link.ts";
import { LiveSession } from "./live-session.ts";
import { Meter } from "./meter.ts";
import { modelSummary } from "./models.ts";
import { hasRtc, rtcTransport } from "./rtc/connection.ts";
import type { Session, TransportChoice } from "./session.ts";
import { isSoundDecodable } from "./sound/sound-decoder.ts";
import type { Opening, Transport } from "./transport.ts";
import { socketTransport } from "./websocket/socket.ts";

/** A literal, checked against the protocol by its type, so that no schema code is bundled for it. */
const subprotocol: typeof SUBPROTOCOL = "zoetrope.v1";

/** How to reach a session, whoever opens it. */
export interface JoinOptions extends TransportChoice {
  /** The server, by its `http:` or `ws:` address; the page's own origin when absent. */
  readonly url?: string | URL;
  /** Codecs are those the browser decodes unless named; sound comes where the browser decodes it. */
  readonly media?: Partial<MediaWish>;
  /** STUN and TURN servers for WebRTC; none is asked when absent. */
  readonly iceServers?: readonly RTCIceServer[];
  /** Where pictures are drawn; one is made when absent. */
  readonly canvas?: HTMLCanvasElement;
  /** Address of the decoding worker's script; `decode-worker.js` beside this module when absent. */
  readonly workerUrl?: string | URL;
  /** Address of the sound worklet's script; `sound-worklet.js` beside this module when absent. */
  readonly workletUrl?: string | URL;
  /** Gives up before the session is there; does nothing afterwards. */
  readonly signal?: AbortSignal;
}

/** What to open. */
export interface ConnectOptions extends JoinOptions {
  /** The server's secret, where it asks for one and the page has no cookie of it. */
  readonly token?: string;
  readonly model: string;
  /** A start of the model; its first one when absent. */
  readonly start?: string;
  readonly parameters?: LiveParameterChange;
}

/** Whom to watch. */
export interface WatchOptions extends JoinOptions {
  /** The session's id. */
  readonly session: string;
  /** The session's `viewerToken`. */
  readonly token: string;
  /** The server's own secret, where it asks for one and the page has no cookie of it. */
  readonly serverToken?: string;
}

/**
 * Open a session and wait until the server has made it.
 *
 * Lifetime: the session holds a connection, a worker where packets are decoded here, and an animation-frame loop
 * until it is closed.
 * @throws {StreamError} the server's own error when it refuses, `server_unreachable` when it cannot be reached.
 *   `internal`, with its cause, when the canvas has a context of another kind or the page's content security
 *   policy refuses the worker.
 * @throws the signal's reason when `signal` aborts first.
 */
export async function connect<Values extends ControlValues = ControlValues>(
  options: ConnectOptions,
): Promise<Session<Values>> {
  const { model, start, parameters, token } = options;
  const opening: Omit<Start, "media"> = {
    type: "session.start",
    model,
    ...(start !== undefined && { start }),
    ...(parameters && { parameters }),
  };
  return open<Values>(opening, { ...options, delay: await delayFor(options), token });
}

/** What is asked for, else what becomes the model: sound that belongs to a mouth must agree with it. */
async function delayFor(options: ConnectOptions): Promise<"low" | "default"> {
  if (options.delay !== undefined) return options.delay;
  if (options.transport === "websocket" || !hasRtc()) return "low";
  // What is wrong here is wrong with opening the session, too, and is told there.
  const summary = await modelSummary(options.model, options.url, options.token).catch(() => null);
  return (summary?.speech ?? null) === null ? "low" : "default";
}

/**
 * Watch what somebody else plays: pictures, sound and events; nothing can be steered.
 *
 * Lifetime: as `connect`; the session goes on when it is left.
 * @throws {StreamError} as `connect`; `unknown_session` when it is over or the secret is wrong.
 */
export async function watch({ session, token, ...options }: WatchOptions): Promise<Session> {
  const opening = { type: "session.resume", session, token } as const;
  return open(opening, { delay: "default", ...options, token: options.serverToken });
}

type Start = Extract<Opening, { type: "session.start" }>;
type Unwished = Omit<Start, "media"> | Omit<Exclude<Opening, Start>, "media">;

interface OpenOptions extends JoinOptions {
  readonly token: string | undefined;
}

async function open<Values extends ControlValues>(
  unwished: Unwished,
  options: OpenOptions,
): Promise<Session<Values>> {
  const meter = new Meter(systemClock.now());
  const [codecs, sound] = await Promise.all([
    options.media?.codecs ?? decodableCodecs(),
    options.media?.sound ?? isSoundDecodable(),
  ]);
  options.signal?.throwIfAborted();
  const opening = { ...unwished, media: { ...options.media, codecs, sound } };
  const transportsFor = (choice: TransportChoice) => transportsOf({ ...options, ...choice });
  return new Promise((resolve, reject) => {
    let session: LiveSession<Values> | undefined;
    let refusal: StreamError | undefined;
    const begun = (created: ServerEvent) => {
      if (created.type === "error") refusal = StreamError.from(created.error);
      if (created.type !== "session.created" && created.type !== "session.resumed") return;
      try {
        session = new LiveSession<Values>({
          link,
          created,
          meter,
          codecs,
          hasMarkers: options.media?.markers === true,
          canvas: options.canvas ?? document.createElement("canvas"),
          workerUrl: options.workerUrl ?? new URL("./decode-worker.js", import.meta.url),
          workletUrl: options.workletUrl ?? new URL("./sound-worklet.js", import.meta.url),
          home: { server: options.url ?? location.href, token: options.token },
          iceServers: options.iceServers ?? [],
          transportsFor,
        });
        resolve(session);
      } catch (cause) {
        refusal = toStreamError(cause);
        link.send({ type: "session.stop" });
        link.close();
      }
    };
    const handlers: LinkHandlers = {
      event: (event) => (session === undefined ? begun(event) : session.handlers.event(event)),
      media: (message) => session?.handlers.media(message),
      stream: (stream) => session?.handlers.stream(stream),
      state: (state) => {
        session?.handlers.state(state);
        if (state.kind === "closed") reject(refusal ?? unreachableServer(state.code));
      },
    };
    const parts = { transports: transportsFor({}), clock: systemClock, chance: Math.random };
    const link = new Link(parts, opening, handlers);
    options.signal?.addEventListener("abort", () => {
      if (session !== undefined) return;
      link.close();
      reject(options.signal?.reason as Error);
    });
  });
}

/** The ways that a choice allows, best first. */
function transportsOf(options: OpenOptions): Transport[] {
  const { url: server = location.href, token, transport = "auto", delay = "low" } = options;
  const rtc = () =>
    rtcTransport({
      server,
      token,
      delay,
      iceServers: options.iceServers ?? [],
      clock: systemClock,
    });
  const socket = () => socketTransport(socketAddress(server), protocols(token));
  switch (transport) {
    case "webrtc":
      return [rtc()];
    case "websocket":
      return [socket()];
    case "auto":
      return hasRtc() ? [rtc(), socket()] : [socket()];
  }
}

/** A browser cannot set headers on a WebSocket: a subprotocol carries the token. */
const protocols = (token: string | undefined): string[] =>
  token === undefined ? [subprotocol] : [subprotocol, `zoetrope.bearer.${token}`];

const unreachableServer = (code: number): StreamError =>
  new StreamError(
    "server_unreachable",
    `the server closed the connection (${code}) before a session began`,
    {
      recovery: "retry",
      detail: { code },
    },
  );
