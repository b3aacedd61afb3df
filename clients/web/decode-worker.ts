/** The worker's entry: decodes packets off the page's thread, hands pictures back and sound on. */

import { MEDIA_HEADER_BYTES, type MediaFrame } from "../../src/protocol/media-frame.ts";
import type { DecodeReply, DecodeRequest, PictureConfig } from "./decode-messages.ts";
import { createPictureDecoder, type PictureDecoder } from "./picture-decoder.ts";
import { SoundDecoder } from "./sound/sound-decoder.ts";

let config: PictureConfig | undefined;
let decoder: PictureDecoder | undefined;
let awaitingKey = true;
let sound: SoundDecoder | undefined;

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

function speakTo(port: MessagePort): void {
  sound?.close();
  sound = new SoundDecoder(port);
}

self.addEventListener("message", ({ data }: MessageEvent<DecodeRequest>) => {
  if (data.type === "configure") configure(data.config);
  else if (data.type === "speaker") speakTo(data.port);
  else {
    const payload = new Uint8Array(data.message, MEDIA_HEADER_BYTES);
    const frame = { header: data.header, payload };
    if (data.header.kind === "audio") sound?.decode(frame);
    else decode(frame);
  }
});
