import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder of this server alone, under the system's own.
 *
 * Lifetime: made when it is first asked for, removed with all that is in it by `remove`.
 */
export class TemporaryFolder {
  #path: Promise<string> | undefined;

  path(): Promise<string> {
    this.#path ??= mkdtemp(join(tmpdir(), "zoetrope-"));
    return this.#path;
  }

  async remove(): Promise<void> {
    const path = await this.#path;
    this.#path = undefined;
    if (path !== undefined) await rm(path, { recursive: true, force: true });
  }
}
