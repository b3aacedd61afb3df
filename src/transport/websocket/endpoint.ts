import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import { LIMITS, SUBPROTOCOL } from "../../protocol/messages.ts";
import { Peer, type PeerHandlers } from "./peer.ts";

/** Why a handshake is not answered with a WebSocket. */
export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  readonly error: StreamError;
}

/** What an endpoint asks its owner. */
export interface EndpointOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Whether this client may connect at all; asked before anything is made for it. */
  readonly admit: (request: IncomingMessage) => Refusal | undefined;
  /** `address`: that of the connection's other end, as the kernel writes it; empty when it is gone already. */
  readonly accept: (peer: Peer, address: string) => PeerHandlers;
}

/** A message this much larger than allowed is still read, so that its sender can be told; a larger one is not. */
const READABLE_BYTES = 4 * LIMITS.messageBytes;
/** Pieces a message may come in. */
const MOST_FRAGMENTS = 64;

/**
 * Accepts WebSocket clients of the control vocabulary on one path of an HTTP server.
 *
 * Lifetime: until `close`, which ends every connection that is left.
 */
export class WebSocketEndpoint {
  readonly #options: EndpointOptions;
  readonly #sockets: WebSocketServer;
  readonly #peers = new Set<Peer>();
  #emptied: (() => void) | undefined;

  constructor(server: Server, options: EndpointOptions) {
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: READABLE_BYTES,
      maxFragments: MOST_FRAGMENTS,
      maxBufferedChunks: 1_024,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
  }

  /** Connections that are open. */
  get peers(): number {
    return this.#peers.size;
  }

  /** Close every connection in order; settles when none is left. */
  async goodbye(reason: string): Promise<void> {
    for (const peer of this.#peers) peer.close(CLOSE.goingAway, reason);
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      this.#leaveIfEmpty();
    });
  }

  /** Cut every connection. */
  close(): void {
    for (const peer of this.#peers) peer.terminate();
    this.#sockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that vanishes in the middle of its handshake is nobody's loss.
    socket.on("error", () => undefined);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const peer = new Peer(webSocket, this.#options.clock);
      this.#peers.add(peer);
      webSocket.once("close", () => {
        this.#peers.delete(peer);
        this.#leaveIfEmpty();
      });
      peer.listen(this.#options.accept(peer, request.socket.remoteAddress ?? ""));
    });
  }

  #leaveIfEmpty(): void {
    if (this.#peers.size === 0) this.#emptied?.();
  }

  #refusal(request: IncomingMessage): Refusal | undefined {
    const path = request.url?.split("?", 1)[0];
    if (path !== this.#options.path) return refusal(404, `there is no WebSocket at this path`);
    return this.#options.admit(request) ?? checkProtocols(request);
  }
}

/** A client that names subprotocols must name ours; one that names none is taken to speak it. */
function checkProtocols(request: IncomingMessage): Refusal | undefined {
  const offered = request.headers["sec-websocket-protocol"];
  if (offered === undefined) return undefined;
  const names = offered.split(",").map((name) => name.trim());
  if (names.includes(SUBPROTOCOL)) return undefined;
  return refusal(400, `this server speaks the subprotocol ${SUBPROTOCOL}`);
}

const refusal = (status: number, message: string): Refusal => ({
  status,
  error: new StreamError("bad_request", message),
});

function refuse(socket: Duplex, { status, error }: Refusal): void {
  const body = JSON.stringify({ error: error.serialise() });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
      "Connection: close",
      "Content-Type: application/json; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
}
