import type { Clock } from "../core/clock.ts";
import { as, type Bytes, type Millis } from "../core/units.ts";
import { encodeMediaFrame, MEDIA_HEADER_BYTES, type MediaHeader } from "../protocol/media-frame.ts";

/** A frame before it is given its place in a viewer's sequence. */
export interface OutgoingFrame {
  readonly header: Omit<MediaHeader, "sequence">;
  readonly payload: Uint8Array;
}

/** What carries a queue's messages. */
export interface MediaSink {
  /** Bytes given to `sendMedia` that have not left this process. */
  readonly bufferedBytes: Bytes;
  sendMedia(message: Uint8Array): void;
}

/** The most that may be sent and not yet acknowledged. */
export interface SendWindow {
  readonly frames: number;
  readonly bytes: Bytes;
}

/** What a queue did so far. */
export interface SendTotals {
  readonly sentFrames: number;
  readonly sentBytes: Bytes;
  readonly droppedFrames: number;
}

interface InFlight {
  readonly sequence: number;
  readonly bytes: number;
  readonly at: Millis;
}

/** `sequence` counts modulo this. */
const WRAP = 2 ** 32;

/**
 * The way of one viewer's frames: sent at once while the viewer keeps up, dropped while it does not.
 *
 * What was sent and not acknowledged is bounded by the window; the sink's own buffer is the second line.
 * Once a frame had to be dropped nothing is sent until half of the window is free again and a key packet
 * comes, which `needKey` asks for. This is the only place where a finished frame is thrown away.
 */
export class SendQueue {
  readonly #sink: MediaSink;
  readonly #window: SendWindow;
  readonly #clock: Clock;
  readonly #needKey: () => void;
  readonly #inFlight: InFlight[] = [];
  #inFlightBytes = 0;
  #next = 0;
  #isSkipping = true;
  #sentFrames = 0;
  #sentBytes = 0;
  #droppedFrames = 0;

  constructor(
    parts: { readonly sink: MediaSink; readonly window: SendWindow; readonly clock: Clock },
    needKey: () => void,
  ) {
    this.#sink = parts.sink;
    this.#window = parts.window;
    this.#clock = parts.clock;
    this.#needKey = needKey;
  }

  /** Frames sent and not acknowledged. */
  get inFlightFrames(): number {
    return this.#inFlight.length;
  }

  /** Bytes of those frames, headers included. */
  get inFlightBytes(): Bytes {
    return as(this.#inFlightBytes);
  }

  get totals(): SendTotals {
    return {
      sentFrames: this.#sentFrames,
      sentBytes: as(this.#sentBytes),
      droppedFrames: this.#droppedFrames,
    };
  }

  /** How long the oldest frame in flight has been waiting for its acknowledgement; 0 without one. */
  get silence(): Millis {
    const [oldest] = this.#inFlight;
    return as(oldest === undefined ? 0 : this.#clock.now() - oldest.at);
  }

  /** Send `frame` or drop it. */
  offer(frame: OutgoingFrame): "sent" | "dropped" {
    const bytes = MEDIA_HEADER_BYTES + frame.payload.byteLength;
    if (this.#isSkipping) {
      if (!this.#hasRoom(bytes, 0.5)) return this.#drop();
      if (!frame.header.key) {
        this.#needKey();
        return this.#drop();
      }
      this.#isSkipping = false;
    } else if (!this.#hasRoom(bytes, 1)) {
      this.#isSkipping = true;
      return this.#drop();
    }
    this.#send(frame, bytes);
    return "sent";
  }

  /** Send a piece of sound, or drop it where there is no room; it is no part of what is skipped or resumed. */
  offerSound(frame: OutgoingFrame): "sent" | "dropped" {
    const bytes = MEDIA_HEADER_BYTES + frame.payload.byteLength;
    if (!this.#hasRoom(bytes, 1)) return "dropped";
    this.#send(frame, bytes);
    return "sent";
  }

  /**
   * The viewer has everything up to `sequence`. False when it never was sent that frame; nothing changes
   * then. An old acknowledgement changes nothing either.
   */
  acknowledge(sequence: number): boolean {
    const ahead = distance(this.#next, sequence);
    if (ahead < WRAP / 2) return false;
    while (this.#inFlight[0] !== undefined && isAtMost(this.#inFlight[0].sequence, sequence)) {
      this.#inFlightBytes -= this.#inFlight[0].bytes;
      this.#inFlight.shift();
    }
    return true;
  }

  /** A frame larger than the window may still travel alone. */
  #hasRoom(bytes: number, share: number): boolean {
    if (this.#inFlight.length === 0) return this.#sink.bufferedBytes <= this.#window.bytes * share;
    return (
      this.#inFlight.length < this.#window.frames * share &&
      this.#inFlightBytes + bytes <= this.#window.bytes * share &&
      this.#sink.bufferedBytes + bytes <= this.#window.bytes * share
    );
  }

  #send(frame: OutgoingFrame, bytes: number): void {
    const sequence = this.#next;
    this.#next = (this.#next + 1) % WRAP;
    this.#inFlight.push({ sequence, bytes, at: this.#clock.now() });
    this.#inFlightBytes += bytes;
    this.#sentFrames += 1;
    this.#sentBytes += bytes;
    this.#sink.sendMedia(encodeMediaFrame({ ...frame.header, sequence }, frame.payload));
  }

  #drop(): "dropped" {
    this.#droppedFrames += 1;
    return "dropped";
  }
}

/** How far `to` lies ahead of `from`, counting modulo the wrap. */
const distance = (from: number, to: number): number => (to - from + WRAP) % WRAP;

const isAtMost = (sequence: number, bound: number): boolean => distance(sequence, bound) < WRAP / 2;
