import type { Subscription } from "rxjs";
import { as, type BitsPerSecond, type Micros } from "../../core/units.ts";
import { PIECE_SECONDS } from "../../media/files/recording-file.ts";
import type { TimedPicture } from "../../media/moments.ts";
import type { RenditionCodec } from "../../stream/engine/contract.ts";
import type { Picture } from "../../stream/events.ts";
import type { RenditionHold } from "../../stream/renditions.ts";
import type { Session } from "../../stream/session.ts";

/** Who takes what a tap gives; neither call may throw. */
export interface TapDrain {
  take(picture: TimedPicture): void;
  /** The session is over. */
  ended(): void;
}

/** The encoding that is tapped. */
export interface TapRendition {
  readonly codec: RenditionCodec;
  readonly bitrate: BitsPerSecond;
}

const PIECE_MICROS = PIECE_SECONDS * 1e6;

/**
 * One rendition of a session for something that is no viewer, with a key packet at least every two seconds of
 * media time. It does not keep the session going.
 *
 * Lifetime: until `release` or the session's end.
 */
export class SessionTap {
  readonly #hold: RenditionHold;
  readonly #drain: TapDrain;
  readonly #subscription: Subscription;
  /** When a key packet last came or was asked for. */
  #keyAt: Micros | undefined;

  constructor(session: Session, { codec, bitrate }: TapRendition, drain: TapDrain) {
    this.#drain = drain;
    this.#hold = session.rendition(codec, bitrate);
    const over = () => {
      this.#hold.release();
      drain.ended();
    };
    // A failed session says so itself; here it is over like any other.
    this.#subscription = session.pictures$.subscribe({
      next: (picture) => this.#picture(picture),
      complete: over,
      error: over,
    });
  }

  release(): void {
    this.#subscription.unsubscribe();
    this.#hold.release();
  }

  #picture({ pts, duration, packets, sound }: Picture): void {
    const packet = packets.find(({ rendition }) => rendition === this.#hold.options.id);
    if (packet?.key === true) this.#keyAt = pts;
    else if (pts - (this.#keyAt ?? as<Micros>(Number.NEGATIVE_INFINITY)) >= PIECE_MICROS) {
      this.#keyAt = pts;
      this.#hold.requestKeyframe();
    }
    this.#drain.take({ pts, duration, packet, sound });
  }
}
