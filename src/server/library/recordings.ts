import { rm } from "node:fs/promises";
import { join } from "node:path";
import { StreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { as, type Bytes } from "../../core/units.ts";
import { Recorder, recordingAt } from "../../media/files/recorder.ts";
import { RECORDING_CODECS, type RecordingFormat } from "../../media/files/recording-file.ts";
import type { TimedPicture } from "../../media/moments.ts";
import type { RecordingRequest } from "../../protocol/recordings.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { OfferedModel } from "../models.ts";
import { randomId } from "../secrets.ts";
import { Recording } from "./recording.ts";
import { SessionTap } from "./session-tap.ts";
import type { TemporaryFolder } from "./temporary-folder.ts";

/** Where recordings are kept, and how much of them. */
export interface RecordingsOptions {
  /** A folder that stays; recordings are kept in `temporary` and go with it when absent. */
  readonly folder: string | undefined;
  readonly temporary: TemporaryFolder;
  /** Of one recording. */
  readonly mostBytes: Bytes;
  /** Recordings and clips that are kept, those being written included. */
  readonly most: number;
  readonly logger: Logger;
}

/** A finished piece of a session, as a clip is made of it. */
export interface ClipSource {
  readonly hosted: HostedSession;
  readonly format: RecordingFormat;
  readonly pictures: readonly TimedPicture[];
}

/** Every recording and clip of this server: they outlive their sessions, until they are removed. */
export class Recordings {
  readonly #options: RecordingsOptions;
  readonly #kept = new Map<string, Recording>();
  #isClosed = false;

  constructor(options: RecordingsOptions) {
    this.#options = options;
  }

  /**
   * Record a session from its next key packet on, until `stop`, the session's end, or the largest size.
   *
   * @throws {StreamError} `recording_limit`.
   */
  async start(hosted: HostedSession, { format, bitrate }: RecordingRequest): Promise<Recording> {
    const { recorder, recording } = await this.#open({ hosted, format }, "recording");
    const rendition = { codec: RECORDING_CODECS[format], bitrate: as<never>(bitrate) };
    const tap = new SessionTap(hosted.session, rendition, {
      take: (picture) => recorder.take(picture),
      ended: () => recorder.stop(),
    });
    void recording.ended.then(() => tap.release());
    return recording;
  }

  /**
   * A finished file of these pictures.
   *
   * @throws {StreamError} `recording_limit`, `recording_failed`; nothing is kept then.
   */
  async clip(source: ClipSource): Promise<Recording> {
    const { recorder, recording } = await this.#open(source, "clip");
    for (const picture of source.pictures) recorder.take(picture);
    await recording.stop();
    if (recording.error === undefined) return recording;
    await this.remove(recording);
    throw recording.error;
  }

  /** Those of one session, oldest first. */
  of(session: string): readonly Recording[] {
    return [...this.#kept.values()].filter((recording) => recording.session === session);
  }

  /** @throws {StreamError} `unknown_recording`. */
  find(id: string): Recording {
    const recording = this.#kept.get(id);
    if (recording !== undefined) return recording;
    throw new StreamError("unknown_recording", "there is no such recording, or it was removed");
  }

  /** Forget a recording and remove its file. */
  async remove(recording: Recording): Promise<void> {
    this.#kept.delete(recording.id);
    await recording.stop();
    await rm(recording.path, { force: true });
  }

  /** Finish every recording, and begin no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#kept.values()].map((recording) => recording.stop()));
  }

  async #open(
    { hosted, format }: Omit<ClipSource, "pictures">,
    kind: "recording" | "clip",
  ): Promise<{ recorder: Recorder; recording: Recording }> {
    const { folder, temporary, mostBytes, logger } = this.#options;
    const video = videoOf(hosted.model);
    const parent = folder ?? (await temporary.path());
    this.#admit();
    const id = randomId();
    const path = join(parent, `${id}.${format}`);
    const recorder = new Recorder({ format, ...video, open: recordingAt(path), mostBytes });
    const recording = new Recording({ id, session: hosted.id, kind, format, path, recorder });
    this.#kept.set(id, recording);
    void recording.ended.then(() => {
      const { state, error } = recording;
      const facts = { session: hosted.id, kind, code: error?.code, reason: error?.message };
      if (state === "failed") logger.warn(facts, "recording failed");
    });
    return { recorder, recording };
  }

  #admit(): void {
    const { most } = this.#options;
    if (!this.#isClosed && this.#kept.size < most) return;
    throw new StreamError(
      "recording_limit",
      `this server keeps at most ${most} recordings and clips; remove one first`,
      { detail: { limit: most } },
    );
  }
}

/** What a file must know of a model's pictures. */
export function videoOf({ summary: { video } }: OfferedModel) {
  const { width, height, frame_rate: frameRate } = video;
  return { width, height, frameRate };
}
