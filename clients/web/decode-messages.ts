/** What crosses between the page and the decoding worker. */

import type { MediaHeader } from "../../src/protocol/media-frame.ts";

/** A decoded picture; its receiver closes it. */
export type Picture = VideoFrame | ImageBitmap;

/** How the packets that follow are coded. */
export interface PictureConfig {
  /** A WebCodecs codec string, or `rgb`. */
  readonly codec: string;
  /** Of the coded pictures; they are shown at the model's own size. */
  readonly width: number;
  readonly height: number;
}

/** From the page; `message` is a whole media message and is transferred. */
export type DecodeRequest =
  | { readonly type: "configure"; readonly config: PictureConfig }
  | { readonly type: "packet"; readonly header: MediaHeader; readonly message: ArrayBuffer }
  /** Where sound goes; `port` is transferred. */
  | { readonly type: "speaker"; readonly port: MessagePort };

/** From the worker; `picture` is transferred. */
export type DecodeReply =
  | { readonly type: "picture"; readonly header: MediaHeader; readonly picture: Picture }
  /** Nothing can be shown until a key packet comes. */
  | { readonly type: "need_key"; readonly reason: string }
  /** A packet was thrown away because the key packet it builds on is missing. */
  | { readonly type: "discarded"; readonly header: MediaHeader };
