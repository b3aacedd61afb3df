import type { StreamError } from "../../core/errors.ts";
import type { Recorder, RecorderEnd } from "../../media/files/recorder.ts";
import type { RecordingFormat } from "../../media/files/recording-file.ts";
import { publicError } from "../event-messages.ts";

/** What a recording is made of. */
export interface RecordingParts {
  readonly id: string;
  /** Id of the session it shows, which it outlives. */
  readonly session: string;
  readonly kind: "recording" | "clip";
  readonly format: RecordingFormat;
  readonly path: string;
  readonly recorder: Recorder;
}

/** Where a recording is in its life. */
export type RecordingState = "recording" | "finished" | "failed";

/** A file of a session, being written or done. */
export class Recording {
  readonly id: string;
  readonly session: string;
  readonly format: RecordingFormat;
  /** Path of the file. */
  readonly path: string;
  /** Settles when nothing more is written; never rejects. */
  readonly ended: Promise<void>;
  readonly #kind: RecordingParts["kind"];
  readonly #recorder: Recorder;
  readonly #createdAt = new Date();
  #end: RecorderEnd | undefined;

  constructor({ id, session, kind, format, path, recorder }: RecordingParts) {
    this.id = id;
    this.session = session;
    this.format = format;
    this.path = path;
    this.#kind = kind;
    this.#recorder = recorder;
    this.ended = recorder.ended.then((end) => {
      this.#end = end;
    });
  }

  get state(): RecordingState {
    if (this.#end === undefined) return "recording";
    return this.#end.reason === "failed" ? "failed" : "finished";
  }

  /** Why it failed; undefined when it did not. */
  get error(): StreamError | undefined {
    return this.#end?.error;
  }

  /** Finish the file; settles when it is finished. */
  async stop(): Promise<void> {
    this.#recorder.stop();
    await this.ended;
  }

  /** As clients read it. */
  describe() {
    const { frames, duration, bytes } = this.#recorder.recorded;
    return {
      id: this.id,
      session: this.session,
      kind: this.#kind,
      format: this.format,
      state: this.state,
      /** Why it is over. */
      reason: this.#end?.reason ?? null,
      frames,
      seconds: duration / 1e6,
      bytes,
      created_at: this.#createdAt.toISOString(),
      error: this.error === undefined ? null : publicError(this.error).serialise(),
      file: `/v1/recordings/${this.id}/file`,
    };
  }
}
