import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as, type Millis } from "../../core/units.ts";
import { Upload } from "../../media/files/upload/upload.ts";
import type { UploadLimits } from "../../media/files/upload/upload-file.ts";
import { randomId } from "../secrets.ts";
import type { TemporaryFolder } from "./temporary-folder.ts";

/** What one upload may be. */
export const UPLOAD_LIMITS: UploadLimits = {
  bytes: as(32 * 2 ** 20),
  pixels: 4096 * 4096,
  seconds: 60,
  time: as(20_000),
  decodedBytes: as(128 * 2 ** 20),
};
/** Uploads that are kept. */
const MOST_KEPT = 8;
/** Uploads that are looked at; each is a process. */
const MOST_OPENING = 2;
/** How long an upload is kept. */
const KEPT_FOR: Millis = as(600_000);

/** An upload that is kept. */
export interface KeptUpload {
  readonly id: string;
  readonly upload: Upload;
}

/** Files that clients brought: checked, kept for ten minutes, in bounded number. */
export class Uploads {
  readonly #temporary: TemporaryFolder;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Upload>();
  readonly #life = new AbortController();
  #opening = 0;

  constructor(temporary: TemporaryFolder, clock: Clock) {
    this.#temporary = temporary;
    this.#clock = clock;
  }

  /**
   * Check a file and keep it.
   *
   * @throws {StreamError} `recording_limit` when there is no room, `bad_upload`, `encoder_failed`.
   */
  async add(data: Uint8Array): Promise<KeptUpload> {
    this.#admit();
    this.#opening += 1;
    try {
      const parent = await this.#temporary.path();
      const upload = await Upload.open(data, {
        limits: UPLOAD_LIMITS,
        clock: this.#clock,
        parent,
      });
      const id = randomId();
      this.#kept.set(id, upload);
      void this.#expire(id);
      return { id, upload };
    } finally {
      this.#opening -= 1;
    }
  }

  /** @throws {StreamError} `unknown_recording`. */
  find(id: string): KeptUpload {
    const upload = this.#kept.get(id);
    if (upload !== undefined) return { id, upload };
    throw new StreamError("unknown_recording", "there is no such upload, or its time is over");
  }

  /** @throws {StreamError} `unknown_recording`. */
  async remove(id: string): Promise<void> {
    const { upload } = this.find(id);
    this.#kept.delete(id);
    await upload[Symbol.asyncDispose]();
  }

  /** Forget every upload and take no more; the files go with the temporary folder. */
  close(): void {
    this.#life.abort();
    this.#kept.clear();
  }

  #admit(): void {
    const isFull = this.#kept.size + this.#opening >= MOST_KEPT;
    if (!isFull && this.#opening < MOST_OPENING && !this.#life.signal.aborted) return;
    throw new StreamError("recording_limit", "no room for uploads; try again later", {
      recovery: "retry",
      detail: { limit: isFull ? MOST_KEPT : MOST_OPENING },
    });
  }

  async #expire(id: string): Promise<void> {
    // Closing ends the wait, and forgets everything itself.
    await this.#clock.sleep(KEPT_FOR, this.#life.signal).catch(() => undefined);
    const isThere = this.#kept.has(id) && !this.#life.signal.aborted;
    if (isThere) await this.remove(id);
  }
}
