/** One relayed connection: a port for the client, a port for the server, and bad weather between them. */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { idleLink, type LinkConditions, type LinkState, pass } from "./link.ts";

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Conditions of both directions; seen from the client. */
export interface Weather {
  readonly down: LinkConditions;
  readonly up: LinkConditions;
}

/** The first client that says something is the only one. Lifetime: until `close`. */
export class Leg {
  readonly #front: Socket;
  readonly #back: Socket;
  #server: Endpoint | undefined;
  #client: Endpoint | undefined;
  #weather: Weather = { down: {}, up: {} };
  readonly #down: Direction;
  readonly #up: Direction;

  private constructor(sockets: readonly [Socket, Socket], chance: () => number) {
    [this.#front, this.#back] = sockets;
    this.#down = new Direction(chance, (data) => {
      if (this.#client !== undefined)
        this.#front.send(data, this.#client.port, this.#client.address);
    });
    this.#up = new Direction(chance, (data) => {
      if (this.#server !== undefined)
        this.#back.send(data, this.#server.port, this.#server.address);
    });
    this.#front.on("message", (data, from) => {
      this.#client ??= from;
      if (from.port !== this.#client.port || from.address !== this.#client.address) return;
      this.#up.take(data, this.#weather.up);
    });
    this.#back.on("message", (data) => this.#down.take(data, this.#weather.down));
  }

  /** Open both ports; `chance` draws numbers in [0, 1). */
  static async open(chance: () => number): Promise<Leg> {
    const sockets = await Promise.all([bound("127.0.0.1"), bound("0.0.0.0")]);
    return new Leg(sockets, chance);
  }

  /** Say where the server is; nothing passes before. */
  set server(server: Endpoint) {
    this.#server = server;
  }

  /** Where the client finds its server. */
  get front(): Endpoint {
    return { address: "127.0.0.1", port: this.#front.address().port };
  }

  /** Where the server finds its client. */
  get back(): Endpoint {
    return { address: "127.0.0.1", port: this.#back.address().port };
  }

  set weather(weather: Weather) {
    this.#weather = weather;
  }

  close(): void {
    this.#front.close();
    this.#back.close();
    this.#down.stop();
    this.#up.stop();
  }
}

async function bound(address: string): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, address);
  await once(socket, "listening");
  return socket;
}

/** Datagrams on their way, in order. */
class Direction {
  readonly #chance: () => number;
  readonly #deliver: (data: Buffer) => void;
  readonly #queue: { readonly at: number; readonly data: Buffer }[] = [];
  #state: LinkState = idleLink;
  #timer: NodeJS.Timeout | undefined;

  constructor(chance: () => number, deliver: (data: Buffer) => void) {
    this.#chance = chance;
    this.#deliver = deliver;
  }

  take(data: Buffer, conditions: LinkConditions): void {
    const now = performance.now();
    const { state, at } = pass(this.#state, conditions, {
      bytes: data.length,
      now,
      chance: this.#chance(),
    });
    this.#state = state;
    if (at === undefined) return;
    this.#queue.push({ at, data });
    if (this.#timer === undefined) this.#flush();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #flush(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (;;) {
      const [next] = this.#queue;
      if (next === undefined) return;
      if (next.at > now) {
        this.#timer = setTimeout(() => this.#flush(), next.at - now);
        return;
      }
      this.#queue.shift();
      this.#deliver(next.data);
    }
  }
}
