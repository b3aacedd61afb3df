import type { Millis } from "../../src/core/units.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { MediaHeader } from "../../src/protocol/media-frame.ts";
import type { PictureConfig } from "./decode-messages.ts";
import type { NetworkSample } from "./network.ts";

/** Where a player tells what it shows. */
export interface PlayerHandlers {
  /** A frame was drawn at `at`, on the clock of `performance.now()`. */
  drawn(header: MediaHeader, at: Millis): void;
}

/** Puts a session's media before eyes and ears: from packets, or from a stream. Lifetime: until `close`. */
export interface Player {
  /** How the pictures that follow are coded. */
  configure(config: PictureConfig): void;
  event(event: ServerEvent): void;
  measured(sample: NetworkSample): void;
  /** Sound minus picture as played here; undefined where the network sample says it, or nothing sounds. */
  readonly skew: Millis | undefined;
  /** Forget what waits to be shown: it is of a time before a gap. */
  clear(): void;
  close(): void;
}
