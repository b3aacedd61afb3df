import { type FileHandle, open } from "node:fs/promises";
import { as, type Bytes } from "../../core/units.ts";
import type { ByteSink } from "./recording-file.ts";

/**
 * A file on disk that grows.
 *
 * Lifetime: from `open` to `close`. What a call of `write` settled for survives the end of this process.
 */
export class GrowingFile implements ByteSink {
  readonly #handle: FileHandle;
  #size = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Make the file, which must not be there yet. */
  static async open(path: string): Promise<GrowingFile> {
    return new GrowingFile(await open(path, "wx", 0o600));
  }

  /** Bytes from the file's beginning to its end. */
  get size(): Bytes {
    return as(this.#size);
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const left = data.length - done;
      done += (await this.#handle.write(data, done, left, position + done)).bytesWritten;
    }
    this.#size = Math.max(this.#size, position + data.length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
