/**
 * The binary header of a media message on a WebSocket: 48 little-endian bytes, then the payload.
 *
 * offset size field
 *      0    2 magic 0x5A4F ("OZ" as bytes 4F 5A)
 *      2    1 version 1
 *      3    1 kind: 1 video, 2 audio
 *      4    1 codec: 1 H.264 Annex B, 2 VP8, 3 raw RGB, 4 Opus
 *      5    1 flags: 1 key, 2 discardable, 4 end of block
 *      6    2 rendition
 *      8    4 sequence, counts messages of this rendition to this viewer, wraps
 *     12    4 payload length in bytes
 *     16    8 pts in microseconds of media time
 *     24    4 duration in microseconds
 *     28    4 control epoch shown by this frame
 *     32    8 frame index
 *     40    8 block index
 */

import { StreamError } from "../core/errors.ts";
import { as, type BlockIndex, type FrameIndex, type Micros } from "../core/units.ts";

/** Bytes before the payload. */
export const MEDIA_HEADER_BYTES = 48;

const MAGIC = 0x5a4f;
const VERSION = 1;
const KINDS = ["video", "audio"] as const;
const CODECS = ["h264", "vp8", "rgb", "opus"] as const;
const FLAG = { key: 1, discardable: 2, endOfBlock: 4 } as const;

/** What a payload is. */
type MediaKind = (typeof KINDS)[number];
/** How a payload is coded. */
type MediaCodec = (typeof CODECS)[number];
/** How pictures are coded. */
export type PictureCodec = Exclude<MediaCodec, "opus">;

/** The facts that travel with every media payload. */
export interface MediaHeader {
  readonly kind: MediaKind;
  readonly codec: MediaCodec;
  readonly key: boolean;
  readonly discardable: boolean;
  readonly endOfBlock: boolean;
  readonly rendition: number;
  readonly sequence: number;
  readonly pts: Micros;
  readonly duration: Micros;
  /** Control epoch that this frame is the first or a later one to show. */
  readonly epoch: number;
  readonly frame: FrameIndex;
  readonly block: BlockIndex;
}

/** A header and the payload it describes. */
export interface MediaFrame {
  readonly header: MediaHeader;
  /** A view into the received message; copy it to keep it. */
  readonly payload: Uint8Array;
}

const flagsOf = (header: MediaHeader): number =>
  (header.key ? FLAG.key : 0) |
  (header.discardable ? FLAG.discardable : 0) |
  (header.endOfBlock ? FLAG.endOfBlock : 0);

/** Lay out one media message. Owns: returns a fresh buffer. */
export function encodeMediaFrame(header: MediaHeader, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(MEDIA_HEADER_BYTES + payload.byteLength);
  const view = new DataView(message.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, VERSION);
  view.setUint8(3, KINDS.indexOf(header.kind) + 1);
  view.setUint8(4, CODECS.indexOf(header.codec) + 1);
  view.setUint8(5, flagsOf(header));
  view.setUint16(6, header.rendition, true);
  view.setUint32(8, header.sequence >>> 0, true);
  view.setUint32(12, payload.byteLength, true);
  view.setBigUint64(16, BigInt(header.pts), true);
  view.setUint32(24, header.duration, true);
  view.setUint32(28, header.epoch, true);
  view.setBigUint64(32, BigInt(header.frame), true);
  view.setBigUint64(40, BigInt(header.block), true);
  message.set(payload, MEDIA_HEADER_BYTES);
  return message;
}

/**
 * Read one media message.
 *
 * @throws {StreamError} `bad_message` when the bytes are not a media message of this version.
 */
export function decodeMediaFrame(message: Uint8Array): MediaFrame {
  if (message.byteLength < MEDIA_HEADER_BYTES) throw malformed("shorter than its header");
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint16(0, true) !== MAGIC) throw malformed("wrong magic");
  if (view.getUint8(2) !== VERSION) throw malformed("unknown version");
  const kind = KINDS[view.getUint8(3) - 1];
  const codec = CODECS[view.getUint8(4) - 1];
  if (kind === undefined || codec === undefined) throw malformed("unknown kind or codec");
  const length = view.getUint32(12, true);
  if (message.byteLength !== MEDIA_HEADER_BYTES + length) throw malformed("wrong payload length");
  const flags = view.getUint8(5);
  return {
    header: {
      kind,
      codec,
      key: (flags & FLAG.key) !== 0,
      discardable: (flags & FLAG.discardable) !== 0,
      endOfBlock: (flags & FLAG.endOfBlock) !== 0,
      rendition: view.getUint16(6, true),
      sequence: view.getUint32(8, true),
      pts: as(Number(view.getBigUint64(16, true))),
      duration: as(view.getUint32(24, true)),
      epoch: view.getUint32(28, true),
      frame: as(Number(view.getBigUint64(32, true))),
      block: as(Number(view.getBigUint64(40, true))),
    },
    payload: message.subarray(MEDIA_HEADER_BYTES),
  };
}

const malformed = (why: string): StreamError =>
  new StreamError("bad_message", `not a media message: ${why}`);
