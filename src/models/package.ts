import type { Manifest } from "./manifest.ts";

/** A package folder whose manifest, files and graphs were checked. */
export interface ModelPackage {
  /** Absolute. */
  readonly path: string;
  readonly manifest: Manifest;
  /** SHA-256 of `manifest.json`, hexadecimal: what this package is, digests of all files included. */
  readonly digest: string;
  /** Absolute path of a file the manifest names. */
  file(name: string): string;
}

export declare function loadPackage(path: string): Promise<ModelPackage>;
