/**
 * Lets a voice agent speak through a session's face: the audio output that LiveKit Agents gives its avatars.
 *
 * An agent pushes frames of sound as its voice makes them, says when a segment is whole, clears what is queued when it
 * is interrupted, and is told how much of each segment was heard. Runs wherever there is a global `WebSocket`: Node 22
 * and later, Deno, Bun, browsers. Viewers watch with the session's `viewer_token`.
 */

import { StreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { decodeMediaFrame } from "../../src/protocol/media-frame.ts";
import type { ClientMessageInput, SUBPROTOCOL } from "../../src/protocol/messages.ts";

/** Sound as agents hand it over. */
export interface AudioFrame {
  /** 16 bits with a sign; channels interleaved. */
  readonly data: Int16Array;
  readonly sampleRate: number;
  readonly channels: number;
}

/** How a segment ended. */
export interface PlaybackFinished {
  /** How much of it was heard, seconds. */
  readonly playbackPosition: number;
  readonly interrupted: boolean;
}

/** The session an agent speaks in. */
export interface AvatarOutputOptions {
  /** The server, by its `http:` address. */
  readonly url: string | URL;
  /** The session's id and its secret of who steers, as `POST /v1/sessions` answered. */
  readonly session: string;
  readonly token: string;
}

/** A literal, checked against the protocol by its type, so that no schema code is bundled for it. */
const subprotocol: typeof SUBPROTOCOL = "zoetrope.v1";
/** The least that the protocol has: nobody looks at these pictures. */
const BITRATE = 100_000;
/** Bytes of samples in one message; with its header below what a message may have. */
const MOST_BYTES = 8_000;
/** The header of sound in a binary message (docs/protocol.md). */
const HEADER = { bytes: 8, magic: 0x5a41, version: 1, pcm16: 1 } as const;

/**
 * The audio output of one agent. Segments are heard one after the other.
 *
 * Lifetime: from `connect` to `close`, or until the connection or the session ended.
 */
export class AvatarOutput {
  readonly #socket: WebSocket;
  readonly #finished: (end: PlaybackFinished) => void;
  readonly #failed: (error: StreamError) => void;
  /** Segments that are not over. */
  #open = 0;
  #isAppending = false;
  #quiet = Promise.withResolvers<undefined>();

  private constructor(socket: WebSocket, listeners: AvatarListeners) {
    this.#socket = socket;
    this.#finished = listeners.onPlaybackFinished;
    this.#failed = listeners.onError ?? (() => undefined);
    this.#quiet.resolve(undefined);
    socket.addEventListener("message", ({ data }: { readonly data: unknown }) => {
      if (typeof data === "string") this.#told(JSON.parse(data) as ServerEvent);
      else if (data instanceof ArrayBuffer) this.#acknowledge(data);
    });
    socket.addEventListener("close", () => this.#quiet.resolve(undefined));
  }

  /** Take the session's controls. @throws {StreamError} the server's own error, `server_unreachable`. */
  static async connect(
    { url, session, token }: AvatarOutputOptions,
    listeners: AvatarListeners,
  ): Promise<AvatarOutput> {
    const address = new URL("/v1/realtime", url);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, [subprotocol]);
    socket.binaryType = "arraybuffer";
    const output = new AvatarOutput(socket, listeners);
    const media = { codecs: ["h264", "vp8", "rgb"] as const, bitrate: BITRATE };
    socket.addEventListener("open", () => {
      output.#send({
        type: "session.resume",
        session,
        token,
        media: { ...media, codecs: [...media.codecs] },
      });
    });
    await welcomed(socket);
    return output;
  }

  /** More of the segment that is being spoken, or the beginning of the next. */
  captureFrame({ data, sampleRate, channels }: AudioFrame): void {
    const samples = channels === 1 ? data : mixed(data, channels);
    if (samples.length === 0) return;
    if (!this.#isAppending) {
      if (this.#open++ === 0) this.#quiet = Promise.withResolvers<undefined>();
      this.#isAppending = true;
    }
    for (let at = 0; at < samples.length; at += MOST_BYTES / 2) {
      this.#socket.send(soundMessage(samples.subarray(at, at + MOST_BYTES / 2), sampleRate));
    }
  }

  /** The segment is whole. */
  flush(): void {
    if (!this.#isAppending) return;
    this.#isAppending = false;
    this.#send({ type: "input_audio.commit" });
  }

  /** The agent was interrupted: what is queued is thrown away, and the mouth closes. */
  clearBuffer(): void {
    this.#isAppending = false;
    this.#send({ type: "output.clear" });
  }

  /** Settles when nothing that was captured is still to be heard. */
  async waitForPlayout(): Promise<void> {
    await this.#quiet.promise;
  }

  close(): void {
    this.#socket.close();
  }

  #told(event: ServerEvent): void {
    if (event.type === "error" || event.type === "input.rejected") {
      this.#failed(StreamError.from(event.error));
    }
    if (event.type !== "speech.finished" || event.source !== "audio") return;
    this.#open = Math.max(0, this.#open - 1);
    if (this.#open === 0) this.#quiet.resolve(undefined);
    const { played_ms, interrupted } = event;
    this.#finished({ playbackPosition: played_ms / 1000, interrupted });
  }

  #acknowledge(message: ArrayBuffer): void {
    const { sequence } = decodeMediaFrame(new Uint8Array(message)).header;
    this.#send({ type: "media.ack", sequence });
  }

  #send(message: ClientMessageInput): void {
    this.#socket.send(JSON.stringify(message));
  }
}

/** Who is told what. */
export interface AvatarListeners {
  readonly onPlaybackFinished: (end: PlaybackFinished) => void;
  /** The server refused something, such as sound beyond what may wait. */
  readonly onError?: (error: StreamError) => void;
}

/** Wait for the server's first word. */
const welcomed = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.addEventListener("message", ({ data }: { readonly data: unknown }) => {
      if (typeof data !== "string") return;
      const event = JSON.parse(data) as ServerEvent;
      if (event.type === "session.resumed") resolve();
      if (event.type === "error") reject(StreamError.from(event.error));
    });
    socket.addEventListener("close", () => {
      reject(new StreamError("server_unreachable", "the server closed the connection"));
    });
  });

/** The mean of all channels. */
const mixed = (data: Int16Array, channels: number): Int16Array =>
  Int16Array.from({ length: Math.floor(data.length / channels) }, (_, i) => {
    const frame = data.subarray(i * channels, (i + 1) * channels);
    return Math.round(frame.reduce((sum, sample) => sum + sample, 0) / channels);
  });

function soundMessage(samples: Int16Array, rate: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER.bytes + 2 * samples.length);
  const view = new DataView(message.buffer);
  view.setUint16(0, HEADER.magic, true);
  view.setUint8(2, HEADER.version);
  view.setUint8(3, HEADER.pcm16);
  view.setUint32(4, rate, true);
  for (const [i, sample] of samples.entries()) view.setInt16(HEADER.bytes + 2 * i, sample, true);
  return message;
}
