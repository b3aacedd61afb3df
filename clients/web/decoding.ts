import type { MediaHeader } from "../../src/protocol/media-frame.ts";
import type { DecodeReply, DecodeRequest, Picture, PictureConfig } from "./decode-messages.ts";

/** Where a decoding delivers. */
export interface DecodingHandlers {
  /** The picture is the receiver's to close. */
  picture(header: MediaHeader, picture: Picture): void;
  discarded(header: MediaHeader): void;
  /** The decoder failed; it begins anew at the next key packet. */
  needKey(reason: string): void;
  /** The worker itself is gone: nothing will be decoded any more. */
  broken(reason: string): void;
}

/** The page's end of the decoding worker. Lifetime: one worker, until `close`. */
export class Decoding {
  readonly #worker: Worker;

  constructor(workerUrl: string | URL, handlers: DecodingHandlers) {
    this.#worker = startWorker(new URL(workerUrl, location.href));
    this.#worker.addEventListener("message", ({ data }: MessageEvent<DecodeReply>) => {
      deliver(data, handlers);
    });
    this.#worker.addEventListener("error", ({ message }) => {
      // A script that cannot be loaded has no message.
      handlers.broken(message || "the decoding worker could not be loaded");
    });
  }

  /** Say how the packets that follow are coded; the first of them must be a key packet. */
  configure(config: PictureConfig): void {
    this.#post({ type: "configure", config });
  }

  /** Decode a whole media message. Owns: the buffer moves to the worker and is empty here afterwards. */
  decode(header: MediaHeader, message: ArrayBuffer): void {
    this.#post({ type: "packet", header, message }, [message]);
  }

  /** Send decoded sound to `port`, in place of the one before; sound is thrown away without one. */
  speakTo(port: MessagePort): void {
    this.#post({ type: "speaker", port }, [port]);
  }

  close(): void {
    this.#worker.terminate();
  }

  #post(request: DecodeRequest, transfer: Transferable[] = []): void {
    this.#worker.postMessage(request, transfer);
  }
}

/** Start `script` as a worker. From another origin a browser starts none, but lets one of the page's own import it. */
function startWorker({ href, origin }: URL): Worker {
  const options = { type: "module", name: "zoetrope-decode" } as const;
  if (origin === location.origin) return new Worker(href, options);
  const starter = new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(starter);
  const worker = new Worker(address, options);
  // The worker says nothing before it has loaded its script.
  worker.addEventListener("message", () => URL.revokeObjectURL(address), { once: true });
  return worker;
}

function deliver(reply: DecodeReply, handlers: DecodingHandlers): void {
  switch (reply.type) {
    case "picture":
      handlers.picture(reply.header, reply.picture);
      return;
    case "discarded":
      handlers.discarded(reply.header);
      return;
    case "need_key":
      handlers.needKey(reply.reason);
      return;
  }
}
