/** What a link needs of a WebSocket. */
export interface Socket {
  /** False when the socket is not open and the text was not sent. */
  send(text: string): boolean;
  close(code?: number): void;
}

/** Where a socket delivers. After `closed` nothing is called again. */
export interface SocketHandlers {
  opened(): void;
  text(data: string): void;
  /** The buffer is the receiver's. */
  binary(data: ArrayBuffer): void;
  closed(code: number): void;
}

/** Start to open a socket. */
export type OpenSocket = (handlers: SocketHandlers) => Socket;

/** Opens browser WebSockets at `url`. */
export const browserSocket =
  (url: URL, protocols: string[]): OpenSocket =>
  (handlers) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      handlers.opened();
    });
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") handlers.text(data);
      else handlers.binary(data);
    });
    socket.addEventListener("close", ({ code }) => {
      handlers.closed(code);
    });
    return {
      send: (text) => {
        const open = socket.readyState === WebSocket.OPEN;
        if (open) socket.send(text);
        return open;
      },
      close: (code) => {
        socket.close(code);
      },
    };
  };
