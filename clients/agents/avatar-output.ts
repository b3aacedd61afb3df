/**
 * Lets a voice agent speak through a session's face: the audio output that LiveKit Agents gives its avatars.
 *
 * An agent pushes frames of sound as its voice makes them, says when a segment is whole, clears what is queued when it
 * is interrupted, and is told when each segment begins to be heard and how much of it was. Runs wherever there is a
 * global `WebSocket`: Node 22 and later, Deno, Bun, browsers. Viewers watch with the session's `viewer_token`.
 */

import { StreamError } from "../../src/core/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { decodeMediaFrame } from "../../src/protocol/media-frame.ts";
import type { ClientMessageInput, SUBPROTOCOL } from "../../src/protocol/messages.ts";
import { type PlaybackFinished, Segments } from "./segments.ts";

export type { PlaybackFinished } from "./segments.ts";

/** Sound as agents hand it over. */
export interface AudioFrame {
  /** 16 bits with a sign; channels interleaved. */
  readonly data: Int16Array;
  readonly sampleRate: number;
  readonly channels: number;
}

/** A segment begins to be heard. */
interface PlaybackStarted {
  /** When, milliseconds as of `Date.now()`. */
  readonly createdAt: number;
}

/** Who is told what. */
export interface AvatarListeners {
  /** Told of every segment once, however it ended. */
  readonly onPlaybackFinished: (end: PlaybackFinished) => void;
  readonly onPlaybackStarted?: (start: PlaybackStarted) => void;
  /** The server refused something. */
  readonly onError?: (error: StreamError) => void;
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
/** Of sound in one message: what fits at 48 kHz, and so few messages that the server does not mind. */
const MESSAGE_SECONDS = 0.1;
/** Seconds that may be ahead of what is heard; of the minute that the server keeps. */
const MOST_AHEAD = 20;
/** How often somebody who waits for room looks again, milliseconds. */
const LOOK_EVERY = 100;

/** Samples of the segment that is being captured, not sent yet. */
interface Unsent {
  readonly segment: string;
  readonly rate: number;
  readonly samples: number[];
}

/**
 * The audio output of one agent. Segments are heard one after the other.
 *
 * Lifetime: from `connect` to `close`, or until the connection or the session ended; what was not heard by then is told
 * as interrupted.
 */
export class AvatarOutput {
  readonly #socket: WebSocket;
  readonly #listeners: AvatarListeners;
  readonly #segments: Segments;
  /** The segment that is being captured. */
  #open: string | undefined;
  #unsent: Unsent | undefined;

  private constructor(socket: WebSocket, listeners: AvatarListeners) {
    this.#socket = socket;
    this.#listeners = listeners;
    this.#segments = new Segments(listeners.onPlaybackFinished);
    socket.addEventListener("message", ({ data }: { readonly data: unknown }) => {
      if (typeof data === "string") this.#told(JSON.parse(data) as ServerEvent);
      else if (data instanceof ArrayBuffer) this.#acknowledge(data);
    });
    socket.addEventListener("close", () => this.#segments.abandon(Date.now()));
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

  /**
   * More of the segment that is being spoken, or the beginning of the next. Frames may come faster than they are heard;
   * settles when there is room for more, which `clearBuffer` makes.
   */
  async captureFrame({ data, sampleRate, channels }: AudioFrame): Promise<void> {
    const samples = channels === 1 ? data : mixed(data, channels);
    if (samples.length === 0) return;
    this.#open ??= this.#segments.begin();
    this.#segments.captured(this.#open, samples.length / sampleRate);
    this.#gather(this.#open, samples, sampleRate);
    while (!this.#isClosed && this.#segments.ahead(Date.now()) > MOST_AHEAD) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }

  /** The segment is whole. */
  flush(): void {
    if (this.#open === undefined) return;
    this.#sendUnsent();
    this.#send({ type: "input_audio.commit" });
    this.#endCapture();
  }

  /** The agent was interrupted: what is queued is thrown away, and the mouth closes. */
  clearBuffer(): void {
    this.#unsent = undefined;
    this.#send({ type: "output.clear" });
    this.#endCapture();
  }

  /** Settles when every segment that was captured so far is over, with how the last one ended. */
  waitForPlayout(): Promise<PlaybackFinished> {
    return this.#segments.over();
  }

  close(): void {
    this.#socket.close();
  }

  get #isClosed(): boolean {
    return this.#socket.readyState !== WebSocket.OPEN;
  }

  #endCapture(): void {
    if (this.#open !== undefined) this.#segments.close(this.#open);
    this.#open = undefined;
  }

  /** Frames are short, and messages are counted: several frames go in one. */
  #gather(segment: string, samples: Int16Array, rate: number): void {
    if (this.#unsent?.rate !== rate) this.#sendUnsent();
    for (const sample of samples) {
      this.#unsent ??= { segment, rate, samples: [] };
      this.#unsent.samples.push(sample);
      if (this.#unsent.samples.length >= rate * MESSAGE_SECONDS) this.#sendUnsent();
    }
  }

  #sendUnsent(): void {
    if (this.#unsent === undefined) return;
    const { segment, rate, samples } = this.#unsent;
    this.#unsent = undefined;
    if (this.#isClosed) return;
    this.#segments.sent(segment);
    const audio = base64Of(samples);
    this.#send({ type: "input_audio.append", event_id: segment, audio, sample_rate: rate });
  }

  #told(event: ServerEvent): void {
    if (event.type === "error" || event.type === "input.rejected") {
      this.#listeners.onError?.(StreamError.from(event.error));
      if (event.event_id !== undefined) this.#segments.refused(event.event_id);
    }
    if (event.type === "speech.started") this.#started(event.event_id ?? "");
    if (event.type === "speech.finished") {
      const { event_id = "", played_ms, interrupted } = event;
      this.#segments.ended(event_id, { playbackPosition: played_ms / 1000, interrupted });
    }
  }

  #started(segment: string): void {
    const createdAt = Date.now();
    if (!this.#segments.started(segment, createdAt)) return;
    this.#listeners.onPlaybackStarted?.({ createdAt });
  }

  #acknowledge(message: ArrayBuffer): void {
    const { sequence } = decodeMediaFrame(new Uint8Array(message)).header;
    this.#send({ type: "media.ack", sequence });
  }

  /** What is said to a connection that is gone is lost with it. */
  #send(message: ClientMessageInput): void {
    if (!this.#isClosed) this.#socket.send(JSON.stringify(message));
  }
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

/** Samples as PCM of 16 bits, little-endian, in base64. */
function base64Of(samples: readonly number[]): string {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  for (const [i, sample] of samples.entries()) view.setInt16(2 * i, sample, true);
  return btoa(String.fromCharCode(...bytes));
}
