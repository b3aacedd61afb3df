import { as, type Millis } from "../../../src/core/units.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import type { Connection, ConnectionHandlers, Opening, Transport } from "../transport.ts";

/** Connects by browser WebSockets to `url`. */
export const socketTransport = (url: URL, protocols: string[]): Transport => ({
  name: "websocket",
  givesUp: false,
  open: (opening, handlers) => openSocket(new WebSocket(url, protocols), opening, handlers),
});

function openSocket(socket: WebSocket, opening: Opening, handlers: ConnectionHandlers): Connection {
  const pings = new Pings();
  let isLeft = false;
  const send: Connection["send"] = (message) => {
    const isOpen = socket.readyState === WebSocket.OPEN;
    if (message.type === "session.ping") pings.asked(performance.now());
    if (isOpen) socket.send(JSON.stringify(message));
    return isOpen;
  };
  const received = (event: ServerEvent) => {
    if (event.type === "session.pong") pings.answered(performance.now());
    handlers.event(event);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    send(opening);
  });
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (isLeft) return;
    if (typeof data === "string") received(JSON.parse(data) as ServerEvent);
    else handlers.media(data);
  });
  socket.addEventListener("close", ({ code }) => {
    if (!isLeft) handlers.closed(code);
  });
  return {
    send,
    measure: () =>
      Promise.resolve(pings.roundTrip === undefined ? {} : { roundTrip: pings.roundTrip }),
    close: (code) => {
      isLeft = true;
      socket.close(code);
    },
  };
}

/** How long the server's answer to a ping takes. */
class Pings {
  #askedAt: number | undefined;
  roundTrip: Millis | undefined;

  asked(at: number): void {
    this.#askedAt = at;
  }

  answered(at: number): void {
    if (this.#askedAt !== undefined) this.roundTrip = as(at - this.#askedAt);
    this.#askedAt = undefined;
  }
}
