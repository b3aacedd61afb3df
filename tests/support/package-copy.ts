/** A copy of a tiny package that a test may spoil. */

import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../src/models/manifest.ts";
import { type TinyPackage, tinyPath } from "./oracle.ts";

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** A package folder of its own. Lifetime: until it is disposed. */
export class PackageCopy implements AsyncDisposable {
  readonly path: string;
  /** What `save` writes. */
  readonly manifest: Mutable<Manifest>;

  private constructor(path: string, manifest: Mutable<Manifest>) {
    this.path = path;
    this.manifest = manifest;
  }

  static async of(name: TinyPackage): Promise<PackageCopy> {
    const path = await mkdtemp(join(tmpdir(), "zoetrope-package-"));
    await cp(tinyPath(name), path, { recursive: true });
    const text = await readFile(join(path, "manifest.json"), "utf8");
    return new PackageCopy(path, JSON.parse(text) as Mutable<Manifest>);
  }

  /** Replace or add a file and list it with its true size and digest. */
  async put(name: string, content: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(content);
    await writeFile(join(this.path, name), bytes);
    this.manifest.files[name] = {
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
  }

  /** Write the manifest, or other text in its place. */
  async save(text = JSON.stringify(this.manifest)): Promise<void> {
    await writeFile(join(this.path, "manifest.json"), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
