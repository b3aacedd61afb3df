import type { ControlValues } from "../../src/core/controls.ts";
import type { StreamError } from "../../src/core/errors.ts";
import type { Millis } from "../../src/core/units.ts";
import type { ModelSummary, ServerEvent, SessionStateName } from "../../src/protocol/events.ts";
import type { MediaFrame, MediaHeader } from "../../src/protocol/media-frame.ts";
import type { LiveParameterChange, LiveParameters } from "../../src/protocol/messages.ts";
import type { ControlPad } from "./control-pad.ts";
import type { PictureConfig } from "./decode-messages.ts";
import type { Listenable } from "./emitter.ts";
import type { LinkState } from "./link.ts";
import type { SessionStats } from "./meter.ts";

/** What a session tells; every event is live, none is replayed to a late listener. */
export interface SessionEvents {
  /** Every event the server sent, before the session acted on it. */
  readonly event: ServerEvent;
  /** The connection was made, lost, or ended. */
  readonly link: LinkState;
  readonly state: SessionStateName;
  readonly parameters: LiveParameters;
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
  /** Twice a second. */
  readonly stats: SessionStats;
  /** A failure that no call of this client can be told about. */
  readonly error: StreamError;
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
  readonly model: ModelSummary;
  readonly canvas: HTMLCanvasElement;
  readonly controls: ControlPad<Values>;
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
  /** The canvas as a media stream, for a `<video>` or a peer connection. */
  readonly captureStream: () => MediaStream;
  /** End the session on the server and let go of everything held here. */
  readonly stop: () => void;
}
