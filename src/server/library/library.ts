import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import { as } from "../../core/units.ts";
import type { Config } from "../config.ts";
import type { HostedSession } from "../hosted-session.ts";
import { Clips } from "./clips.ts";
import { Playlists } from "./playlists.ts";
import { Recordings } from "./recordings.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { Uploads } from "./uploads.ts";

/** Live playlists at once, over all sessions: each is a process. */
const MOST_PLAYLISTS = 8;

/**
 * All that is kept of sessions, recordings, clips and live playlists, and what clients brought for them.
 *
 * Lifetime: until `close`, which finishes recordings, ends playlists, and removes what is not in a folder
 * that was named.
 */
export class Library {
  readonly recordings: Recordings;
  readonly clips: Clips;
  readonly playlists: Playlists;
  readonly uploads: Uploads;
  readonly #temporary = new TemporaryFolder();

  constructor(config: Config, clock: Clock, logger: Logger) {
    const temporary = this.#temporary;
    this.recordings = new Recordings({
      folder: config.recordings,
      temporary,
      mostBytes: as(config.recordingSize * 2 ** 20),
      most: config.recordingCount,
      logger,
    });
    const { recordings } = this;
    this.clips = new Clips({ seconds: config.clips, format: config.clipFormat, recordings });
    this.uploads = new Uploads(temporary, clock);
    this.playlists = new Playlists({ temporary, most: MOST_PLAYLISTS, logger });
  }

  /** A session was opened. */
  opened(hosted: HostedSession): void {
    this.clips.watch(hosted);
  }

  async close(): Promise<void> {
    this.uploads.close();
    await Promise.all([this.recordings.close(), this.playlists.close()]);
    await this.#temporary.remove();
  }
}
