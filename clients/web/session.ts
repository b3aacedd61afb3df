import type { ControlValues } from "../../src/core/controls.ts";
import type { StreamError } from "../../src/core/errors.ts";
import type { Millis } from "../../src/core/units.ts";
import type { CacheSettings, CacheSettingsChange, CacheStats } from "../../src/protocol/cache.ts";
import type { ModelSummary, ServerEvent, SessionStateName } from "../../src/protocol/events.ts";
import type { MediaFrame, MediaHeader } from "../../src/protocol/media-frame.ts";
import type { LiveParameterChange, LiveParameters } from "../../src/protocol/messages.ts";
import type { ControlPad } from "./control-pad.ts";
import type { PictureConfig } from "./decode-messages.ts";
import type { Listenable } from "./emitter.ts";
import type { LinkState } from "./link.ts";
import type { SessionStats } from "./meter.ts";
import type { TransportName } from "./transport.ts";

/** What a session tells; every event is live, none is replayed to a late listener. */
export interface SessionEvents {
  /** Every event the server sent after the first, before the session acted on it. */
  readonly event: ServerEvent;
  /** The connection was made, lost, or ended. */
  readonly link: LinkState;
  readonly state: SessionStateName;
  readonly parameters: LiveParameters;
  /** What the cache keeps; told when that changed, and when the cache was emptied. */
  readonly cache: CacheSettings;
  /** How the packets that follow are coded. */
  readonly config: PictureConfig;
  /** A frame was drawn on the canvas. */
  readonly frame: MediaHeader;
  /** A received packet before it is decoded; a copy, the listener's own. */
  readonly packet: MediaFrame;
  /** The block, frame and media time that first show inputs, from the server. */
  readonly applied: Extract<ServerEvent, { type: "input.applied" }>;
  /** One input reached the picture, after this long. */
  readonly latency: Millis;
  /** Media and messages go another way than before. */
  readonly transport: { readonly transport: TransportName };
  /** Muting, volume or the browser's lock changed. */
  readonly audio: Pick<AudioControls, "muted" | "volume" | "locked">;
  /** Something begins or ends to be heard, or what waited was thrown away. */
  readonly speech: SpeechTold;
  /** Twice a second. */
  readonly stats: SessionStats;
  /** A failure that no call of this client can be told about. */
  readonly error: StreamError;
}

/** The cache of a session: what it keeps of the past, and what it holds. */
export interface CacheControls {
  /** What is in force. */
  readonly settings: CacheSettings;
  /** Keep something else from the next block on; what is not named stays. Resolves when the server took it. */
  readonly configure: (change: CacheSettingsChange) => Promise<void>;
  /** Empty it before the next block, all or all but the first frames. Resolves when the server took it. */
  readonly reset: (what: { readonly keepSinks: boolean }) => Promise<void>;
  /** What it holds, by kind and age. A viewer may ask, too. */
  readonly inspect: () => Promise<CacheStats>;
}

/** How an utterance ended: `played_ms` of it were heard, all unless `interrupted`. */
export type SpeechFinished = Extract<ServerEvent, { type: "speech.finished" }>;

/** What is told of speech. */
export type SpeechTold =
  | Extract<ServerEvent, { type: "speech.started" }>
  | SpeechFinished
  | Extract<ServerEvent, { type: "output.cleared" }>;

/** A microphone that is heard in a session. */
export interface Microphone {
  /** Let the session hear it no more; the stream stays its owner's. */
  readonly stop: () => void;
}

/** What is said in a session whose model hears; others refuse it with `unsupported_input`. */
export interface SpeechControls {
  /** Say a text, after all that waits. Resolves when it was heard or cut off, rejects when it was refused. */
  readonly say: (text: string, options?: { readonly voice?: string }) => Promise<SpeechFinished>;
  /** More of a sound, mono; `rate` samples a second, 16,000 unless given. A refusal is told by `error`. */
  readonly append: (samples: Float32Array | Int16Array, rate?: number) => void;
  /** More of a sound: one Opus packet of at most 120 ms, as an `AudioEncoder` makes them. A sound is all Opus, or not. */
  readonly appendOpus: (packet: Uint8Array) => void;
  /** What was appended is whole. Resolves when it was heard or cut off, rejects when it was refused. */
  readonly commit: () => Promise<SpeechFinished>;
  /** Throw away all that waits: the mouth closes. Resolves when the server took it. */
  readonly clear: () => Promise<void>;
  /** Let the session hear a microphone while nothing else is said; who speaks into it is told by `speech`, too. */
  readonly microphone: (stream: MediaStream) => Promise<Microphone>;
}

/** The picture that a session begins from. */
export interface ImageControls {
  /** Begin again from an image: PNG, JPEG or WebP. Resolves when the server took it, rejects when it has no use for it. */
  readonly set: (file: Blob) => Promise<void>;
  /** Begin again from the model's first start. Resolves when the server took it. */
  readonly clear: () => Promise<void>;
}

/** The sound of a session. */
export interface AudioControls {
  muted: boolean;
  /** In [0, 1]. */
  volume: number;
  /** True while the browser lets nothing sound because nobody touched the page; the next touch unlocks it. */
  readonly locked: boolean;
  /** Let it sound; call it from a handler of a gesture. */
  readonly unlock: () => void;
}

/** Which way media and messages go, and how smoothly. */
export interface TransportChoice {
  /** `auto` is WebRTC, and the WebSocket where that does not get through or breaks. Default `auto`. */
  readonly transport?: TransportName | "auto";
  /**
   * WebRTC: hold nothing back (`low`), or up to 200 ms to smooth a network and keep sound and sight together.
   * By default `low`, but `default` for whoever watches, and for models that speak.
   */
  readonly delay?: "low" | "default";
}

/**
 * A live stream of pictures, and the hands on it.
 *
 * Lifetime: until `stop`, or until `link` is `closed`; lost connections in between are made again.
 * A request resolves when the server took it and rejects with its `StreamError` when it refused.
 */
export interface Session<Values extends ControlValues = ControlValues>
  extends Listenable<SessionEvents> {
  readonly id: string;
  /** A viewer sees and hears; what it asks for is refused with `unauthorized`. */
  readonly role: "controller" | "viewer";
  /** Secret to share with `id`: whoever has both can `watch`. */
  readonly viewerToken: string;
  readonly model: ModelSummary;
  readonly canvas: HTMLCanvasElement;
  readonly controls: ControlPad<Values>;
  readonly audio: AudioControls;
  readonly cache: CacheControls;
  readonly speech: SpeechControls;
  readonly image: ImageControls;
  /** The way that media and messages go now. */
  readonly transport: TransportName | undefined;
  readonly state: SessionStateName;
  readonly link: LinkState;
  readonly parameters: LiveParameters;
  /** How the packets are coded; undefined until the server has said. */
  readonly config: PictureConfig | undefined;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  /** Make one block, while paused. */
  readonly step: () => Promise<void>;
  /** Begin again, from the same start and seed unless others are given. */
  readonly reset: (change?: { seed?: number; start?: string }) => Promise<void>;
  readonly update: (parameters: LiveParameterChange) => Promise<void>;
  /** Ask for a packet that can be decoded alone, as a recording needs first. */
  readonly requestKeyframe: () => void;
  /**
   * Pictures and sound as a media stream, for a `<video>`, a recorder or a peer connection: the same one whatever
   * the transport, and at full volume.
   */
  readonly captureStream: () => MediaStream;
  /** Go another way to the same session. */
  readonly use: (choice: TransportChoice) => void;
  /** End the session on the server, as a viewer leave it, and let go of everything held here. */
  readonly stop: () => void;
}
