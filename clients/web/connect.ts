import { systemClock } from "../../src/core/clock.ts";
import type { ControlValues } from "../../src/core/controls.ts";
import { StreamError, toStreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { LiveParameterChange, MediaWish, SUBPROTOCOL } from "../../src/protocol/messages.ts";
import { socketAddress } from "./address.ts";
import { decodableCodecs } from "./codecs.ts";
import { Link, type LinkHandlers, type Opening } from "./link.ts";
import { LiveSession } from "./live-session.ts";
import { Meter } from "./meter.ts";
import type { Session } from "./session.ts";
import { browserSocket } from "./socket.ts";

/** A literal, checked against the protocol by its type, so that no schema code is bundled for it. */
const subprotocol: typeof SUBPROTOCOL = "zoetrope.v1";

/** What to open. */
export interface ConnectOptions {
  /** The server, by its `http:` or `ws:` address; the page's own origin when absent. */
  readonly url?: string | URL;
  /** The server's secret, where it asks for one and the page has no cookie of it. */
  readonly token?: string;
  readonly model: string;
  /** A start of the model; its first one when absent. */
  readonly start?: string;
  readonly parameters?: LiveParameterChange;
  /** Codecs are those the browser decodes unless named. */
  readonly media?: Partial<MediaWish>;
  /** Where pictures are drawn; one is made when absent. */
  readonly canvas?: HTMLCanvasElement;
  /** Address of the decoding worker's script; `decode-worker.js` beside this module when absent. */
  readonly workerUrl?: string | URL;
  /** Gives up before the session is there; does nothing afterwards. */
  readonly signal?: AbortSignal;
}

/**
 * Open a session and wait until the server has made it.
 *
 * Lifetime: the session holds a socket, a worker and an animation-frame loop until it is closed.
 * @throws {StreamError} the server's own error when it refuses, `server_unreachable` when it cannot be reached.
 *   `internal`, with its cause, when the canvas has a context of another kind or the browser refuses the
 *   worker's address.
 * @throws the signal's reason when `signal` aborts first.
 */
export async function connect<Values extends ControlValues = ControlValues>(
  options: ConnectOptions,
): Promise<Session<Values>> {
  const meter = new Meter(systemClock.now());
  const codecs = options.media?.codecs ?? (await decodableCodecs());
  const first = startMessage(options, codecs);
  options.signal?.throwIfAborted();
  const open = browserSocket(socketAddress(options.url ?? location.href), protocols(options));
  return new Promise((resolve, reject) => {
    let session: LiveSession<Values> | undefined;
    let refusal: StreamError | undefined;
    const parts = { open, clock: systemClock, chance: Math.random };
    const begun = (created: ServerEvent) => {
      if (created.type === "error") refusal = StreamError.from(created.error);
      if (created.type !== "session.created") return;
      try {
        session = new LiveSession<Values>({
          link,
          created,
          meter,
          codecs,
          canvas: options.canvas ?? document.createElement("canvas"),
          workerUrl: options.workerUrl ?? new URL("./decode-worker.js", import.meta.url),
        });
        resolve(session);
      } catch (cause) {
        link.send({ type: "session.stop" });
        link.close();
        reject(toStreamError(cause));
      }
    };
    const handlers: LinkHandlers = {
      event: (event) => (session === undefined ? begun(event) : session.handlers.event(event)),
      media: (message) => session?.handlers.media(message),
      state: (state) => {
        session?.handlers.state(state);
        if (state.kind === "closed") reject(refusal ?? unreachableServer(state.code));
      },
    };
    const link = new Link(parts, first, handlers);
    options.signal?.addEventListener("abort", () => {
      if (session !== undefined) return;
      link.close();
      reject(options.signal?.reason as Error);
    });
  });
}

/** A browser cannot set headers on a WebSocket: a subprotocol carries the token. */
const protocols = ({ token }: ConnectOptions): string[] =>
  token === undefined ? [subprotocol] : [subprotocol, `zoetrope.bearer.${token}`];

function startMessage(options: ConnectOptions, codecs: MediaWish["codecs"]): Opening {
  const { model, start, parameters, media } = options;
  return {
    type: "session.start",
    model,
    ...(start !== undefined && { start }),
    ...(parameters && { parameters }),
    media: { ...media, codecs },
  };
}

const unreachableServer = (code: number): StreamError =>
  new StreamError(
    "server_unreachable",
    `the server closed the connection (${code}) before a session began`,
    {
      recovery: "retry",
      detail: { code },
    },
  );
