/** The worker's entry: decodes packets off the page's thread and hands pictures back. */

import { MEDIA_HEADER_BYTES, type MediaFrame } from "../../src/protocol/media-frame.ts";
import type { DecodeReply, DecodeRequest, PictureConfig } from "./decode-messages.ts";
import { createPictureDecoder, type PictureDecoder } from "./picture-decoder.ts";

let config: PictureConfig | undefined;
let decoder: PictureDecoder | undefined;
let awaitingKey = true;

const reply = (message: DecodeReply, transfer: Transferable[] = []) => {
  self.postMessage(message, { transfer });
};

function configure(next: PictureConfig): void {
  decoder?.close();
  config = next;
  decoder = undefined;
  awaitingKey = true;
}

function failed(reason: string): void {
  decoder?.close();
  decoder = undefined;
  awaitingKey = true;
  reply({ type: "need_key", reason });
}

function openDecoder(): PictureDecoder {
  if (config === undefined) throw new Error("a packet came before its configuration");
  return createPictureDecoder(config, {
    picture: (header, picture) => {
      reply({ type: "picture", header, picture }, [picture]);
    },
    failed,
  });
}

function decode(frame: MediaFrame): void {
  if (awaitingKey && !frame.header.key) {
    reply({ type: "discarded", header: frame.header });
    return;
  }
  try {
    decoder ??= openDecoder();
    decoder.decode(frame);
    awaitingKey = false;
  } catch (cause) {
    failed(cause instanceof Error ? cause.message : String(cause));
  }
}

self.addEventListener("message", ({ data }: MessageEvent<DecodeRequest>) => {
  if (data.type === "configure") configure(data.config);
  else {
    const payload = new Uint8Array(data.message, MEDIA_HEADER_BYTES);
    decode({ header: data.header, payload });
  }
});
