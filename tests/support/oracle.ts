/** PyTorch's own answers for a tiny package (tests/fixtures/README.md). */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BlockSpeech } from "../../src/models/model.ts";

/** Packages in tests/fixtures. */
export const TINY_PACKAGES = [
  "tiny-separable",
  "tiny-entangled",
  "tiny-fused",
  "tiny-per-step",
  "tiny-open",
  "tiny-hashed",
  "tiny-state",
  "tiny-speech",
  "tiny-speech-fused",
  "tiny-speech-separate",
  "tiny-speech-separable",
] as const;
export type TinyPackage = (typeof TINY_PACKAGES)[number];

/** A tensor of an oracle: where it lies in the file beside it. */
export interface OracleTensor {
  readonly shape: readonly number[];
  readonly offset: number;
}

/** Inputs and PyTorch's outputs of one graph. */
export interface OracleGraph {
  readonly inputs: Readonly<Record<string, OracleTensor>>;
  readonly outputs: Readonly<Record<string, OracleTensor>>;
}

/** Latents of every block under one policy and step count, computed without a cache. */
export interface OracleRollout {
  readonly policy: "window" | "full" | "state";
  readonly sinkFrames: number;
  readonly windowFrames: number;
  readonly steps: number;
  readonly seed: number;
  readonly latents: OracleTensor;
}

/** What `oracle.json` says, and the floats it points to. */
export interface Oracle {
  readonly start: { readonly image: string; readonly latent: OracleTensor };
  readonly control: OracleTensor;
  /** Samples that come in during each block, [blocks, F · samplesPerFrame]; of packages that hear. */
  readonly pcm?: OracleTensor;
  /** Features of each frame, the start block's first. */
  readonly speech?: OracleTensor;
  readonly graphs: Readonly<Record<string, OracleGraph>>;
  readonly rollouts: readonly OracleRollout[];
  floats(tensor: OracleTensor): Float32Array;
}

/** Folder of a tiny package. */
export const tinyPath = (name: TinyPackage): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** The floats of `file`, little-endian. */
export function readFloats(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export const sizeOf = ({ shape }: OracleTensor): number => shape.reduce((n, size) => n * size, 1);

/** Read a tiny package's oracle. */
export function readOracle(name: TinyPackage): Oracle {
  const index = JSON.parse(readFileSync(`${tinyPath(name)}/oracle.json`, "utf8")) as Oracle;
  const all = readFloats(`${tinyPath(name)}/oracle.f32`);
  return {
    ...index,
    floats: (tensor) => all.subarray(tensor.offset, tensor.offset + sizeOf(tensor)),
  };
}

/** The largest distance between two arrays of one length; NaN if either holds one. */
export function largestDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce<number>(
    (most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))),
    0,
  );
}

/** One control vector a block, [controls] each. */
export function controlsOf(oracle: Oracle): readonly Float32Array[] {
  const [blocks = 0, length = 0] = oracle.control.shape;
  const all = oracle.floats(oracle.control);
  return Array.from({ length: blocks }, (_, i) => all.slice(i * length, (i + 1) * length));
}

/** What comes in during block `block`; undefined for a package that hears nothing. */
export function speechAt(oracle: Oracle, block: number): BlockSpeech | undefined {
  if (oracle.pcm === undefined) return undefined;
  const [, length = 0] = oracle.pcm.shape;
  const samples = oracle.floats(oracle.pcm).slice(block * length, (block + 1) * length);
  return { samples, cut: false };
}
