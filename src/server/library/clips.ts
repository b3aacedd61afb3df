import { StreamError } from "../../core/errors.ts";
import { as } from "../../core/units.ts";
import { ClipRing } from "../../media/clip-ring.ts";
import { RECORDING_CODECS, type RecordingFormat } from "../../media/files/recording-file.ts";
import type { ClipRequest } from "../../protocol/recordings.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { Recording } from "./recording.ts";
import type { Recordings } from "./recordings.ts";
import { SessionTap } from "./session-tap.ts";

/** What clips may be made of. */
export interface ClipsOptions {
  /** Longest clip; 0 keeps nothing and makes none. */
  readonly seconds: number;
  /** The one container that clips have: what is kept is encoded once. */
  readonly format: RecordingFormat;
  readonly recordings: Recordings;
}

/** Of what is kept. */
const BITRATE = 2_000_000;
/** Of memory, a session. */
const MOST_BYTES = 16 * 2 ** 20;

/** Keeps the newest seconds of every session in memory, and makes files of them. */
export class Clips {
  readonly #options: ClipsOptions;
  readonly #rings = new Map<string, ClipRing>();

  constructor(options: ClipsOptions) {
    this.#options = options;
  }

  /** Keep what this session shows, until it ends. */
  watch({ id, session }: HostedSession): void {
    const { seconds, format } = this.#options;
    if (seconds === 0) return;
    const ring = new ClipRing({ seconds, bytes: MOST_BYTES });
    this.#rings.set(id, ring);
    const rendition = { codec: RECORDING_CODECS[format], bitrate: as<never>(BITRATE) };
    new SessionTap(session, rendition, {
      take: (picture) => ring.take(picture),
      ended: () => this.#rings.delete(id),
    });
  }

  /**
   * A file of the last seconds of a session.
   *
   * @throws {StreamError} `state_conflict` when nothing is kept (yet), `unsupported_codec` for another
   *   container, or the reason why the file cannot be kept.
   */
  make(hosted: HostedSession, { seconds, format }: ClipRequest): Promise<Recording> {
    const { recordings, ...own } = this.#options;
    if (own.seconds === 0) {
      throw new StreamError(
        "state_conflict",
        "this server keeps nothing for clips: --clips SECONDS",
      );
    }
    if (format !== undefined && format !== own.format) {
      throw new StreamError("unsupported_codec", `clips of this server are ${own.format}`);
    }
    const pictures = this.#rings.get(hosted.id)?.last(Math.min(seconds, own.seconds)) ?? [];
    if (pictures.length === 0) {
      throw new StreamError("state_conflict", "nothing was shown yet", { recovery: "retry" });
    }
    return recordings.clip({ hosted, format: own.format, pictures });
  }
}
