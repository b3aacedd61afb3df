/** What a link needs of a way to the server: JSON both ways, and media as messages or as a stream. */

import type { StreamError } from "../../src/core/errors.ts";
import type { Millis } from "../../src/core/units.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import type { NetworkSample } from "./network.ts";

/** The ways to a server. */
export type TransportName = "webrtc" | "websocket";

/** The message that opens a session, or takes one up again. */
export type Opening = Extract<ClientMessageInput, { type: "session.start" | "session.resume" }>;

/** What takes a session up again. */
export interface Ticket {
  readonly session: string;
  readonly token: string;
  /** How long the server keeps a session without a client. */
  readonly grace: Millis;
}

/** Where a connection delivers. After `closed` nothing is called again. */
export interface ConnectionHandlers {
  /** The session exists, although this connection cannot be used yet. */
  ticket(ticket: Ticket): void;
  event(event: ServerEvent): void;
  /** One media message; the buffer is the receiver's. */
  media(message: ArrayBuffer): void;
  /** Pictures and sound come as a stream, from now until `closed`. */
  stream(stream: MediaStream): void;
  /** The connection is gone, or never came about. `error` says why, where it can be said. */
  closed(code: number, error?: StreamError): void;
}

/** One connection to a session. */
export interface Connection {
  /** False when it is not open and the message was not sent. */
  send(message: ClientMessageInput): boolean;
  /** What the network is like by now; undefined where the transport cannot tell. */
  measure(): Promise<NetworkSample | undefined>;
  /** Close it; `closed` is not told. */
  close(code?: number): void;
}

/** A way to the server. */
export interface Transport {
  readonly name: TransportName;
  /** True when it gives up by itself while it connects, however long the silence is. */
  readonly givesUp: boolean;
  /** Start to connect, and say `opening`. */
  open(opening: Opening, handlers: ConnectionHandlers): Connection;
}
