import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { as } from "../../core/units.ts";
import { LivePlaylist, PLAYLIST, PLAYLIST_FILES } from "../../media/files/live-playlist.ts";
import { ffmpegVersion } from "../../media/files/transcoded-file.ts";
import type { PlaylistRequest } from "../../protocol/recordings.ts";
import type { HostedSession } from "../hosted-session.ts";
import { randomId } from "../secrets.ts";
import { videoOf } from "./recordings.ts";
import { SessionTap } from "./session-tap.ts";
import type { TemporaryFolder } from "./temporary-folder.ts";

/** Where playlists are, and how many. */
export interface PlaylistsOptions {
  readonly temporary: TemporaryFolder;
  readonly most: number;
  readonly logger: Logger;
}

/** A live playlist of one session. */
export interface HostedPlaylist {
  readonly id: string;
  readonly session: string;
  /** Path of the playlist on this server. */
  readonly playlist: string;
}

interface Entry extends HostedPlaylist {
  readonly folder: string;
  readonly live: LivePlaylist;
  readonly gone: Promise<void>;
}

/** Every live playlist (HLS) of this server: one for each session at most, gone with it. */
export class Playlists {
  readonly #options: PlaylistsOptions;
  readonly #entries = new Map<string, Entry>();
  #opening = 0;

  constructor(options: PlaylistsOptions) {
    this.#options = options;
  }

  /**
   * Show a session from its next key packet on.
   *
   * @throws {StreamError} `state_conflict` when it has a playlist, `recording_limit`, or `encoder_failed` when
   *   there is no ffmpeg.
   */
  async start(hosted: HostedSession, { bitrate }: PlaylistRequest): Promise<HostedPlaylist> {
    const video = videoOf(hosted.model);
    this.#admit(hosted);
    this.#opening += 1;
    try {
      await ffmpegVersion();
      const id = randomId();
      const folder = join(await this.#options.temporary.path(), id);
      await mkdir(folder, { mode: 0o700 });
      this.#admit(hosted, 1);
      const live = new LivePlaylist({ folder, ...video });
      return this.#host(hosted, { id, folder, live, bitrate });
    } finally {
      this.#opening -= 1;
    }
  }

  /** @throws {StreamError} `unknown_recording` when this session has none. */
  of(session: string): HostedPlaylist {
    return this.#entryOf(session);
  }

  /**
   * A file of a playlist; undefined for the playlist itself while it has no segment yet.
   *
   * @throws {StreamError} `unknown_recording` when there is no such playlist or file.
   */
  async read(id: string, file: string): Promise<Buffer | undefined> {
    const entry = [...this.#entries.values()].find((each) => each.id === id);
    if (entry === undefined || !PLAYLIST_FILES.test(file)) throw unknown();
    try {
      return await readFile(join(entry.folder, file));
    } catch {
      if (file === PLAYLIST) return undefined;
      throw unknown();
    }
  }

  /** @throws {StreamError} `unknown_recording` when this session has none. */
  async remove(session: string): Promise<void> {
    const { live, gone } = this.#entryOf(session);
    live.stop();
    await gone;
  }

  /** End every playlist. */
  async close(): Promise<void> {
    const all = [...this.#entries.values()];
    for (const { live } of all) live.stop();
    await Promise.all(all.map(({ gone }) => gone));
  }

  #host(
    { id: session, session: stream }: HostedSession,
    parts: { id: string; folder: string; live: LivePlaylist; bitrate: number },
  ): HostedPlaylist {
    const { id, folder, live, bitrate } = parts;
    const rendition = { codec: "h264", bitrate: as<never>(bitrate) } as const;
    const tap = new SessionTap(stream, rendition, {
      take: (picture) => live.take(picture),
      ended: () => live.stop(),
    });
    const gone = live.ended.then(async ({ error }) => {
      tap.release();
      this.#entries.delete(session);
      if (error !== undefined) {
        const facts = { session, code: error.code, reason: error.message };
        this.#options.logger.warn(facts, "live playlist failed");
      }
      await rm(folder, { recursive: true, force: true });
    });
    const hosted = { id, session, playlist: `/v1/hls/${id}/${PLAYLIST}` };
    this.#entries.set(session, { ...hosted, folder, live, gone });
    return hosted;
  }

  #entryOf(session: string): Entry {
    const entry = this.#entries.get(session);
    if (entry === undefined) throw unknown();
    return entry;
  }

  #admit({ id }: HostedSession, own = 0): void {
    const { most } = this.#options;
    if (this.#entries.has(id)) {
      throw new StreamError("state_conflict", "this session has a live playlist already");
    }
    if (this.#entries.size + this.#opening - own < most) return;
    throw new StreamError("recording_limit", `at most ${most} live playlists at once`, {
      detail: { limit: most },
    });
  }
}

const unknown = (): StreamError =>
  new StreamError("unknown_recording", "there is no such live playlist, or no such file in it");
