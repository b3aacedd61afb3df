/** The inputs and outputs each graph of a package must have, as its manifest implies them. */

import { controlVectorLength } from "../core/controls.ts";
import type { GraphRole, Manifest } from "./manifest.ts";

/** One tensor at a graph's border. */
export interface TensorShape {
  readonly type: "float32" | "uint8";
  readonly shape: readonly Dim[];
}

/** A size, or the axis of the cache's slots where a package leaves their number open. */
export type Dim = number | typeof OPEN_SLOTS;

/** The name of an open slot axis in a graph. */
export const OPEN_SLOTS = "slots";

/** Every tensor at a graph's border, by name, in the order of `docs/package-format.md`. */
export interface GraphSignature {
  readonly inputs: Readonly<Record<string, TensorShape>>;
  readonly outputs: Readonly<Record<string, TensorShape>>;
}

/** Sizes that shapes are made of. */
export interface ModelSizes {
  /** Latent channels, height and width. */
  readonly latent: readonly [number, number, number];
  readonly framesPerBlock: number;
  readonly previousFrames: number;
  /** Floats of a control vector. */
  readonly controls: number;
  readonly tokensPerFrame: number;
  /** Slots of a layer, or that they are open. */
  readonly slots: Dim;
  /** Cosines of one slot. */
  readonly rotaryHalf: number;
}

/** The sizes a manifest states. */
export function modelSizes(manifest: Manifest): ModelSizes {
  const { lanes, conditioning, controls, cache } = manifest;
  const { latent, framesPerBlock } = lanes.video;
  const raw = (cache.sinkFrames + cache.windowFrames) * cache.tokensPerFrame;
  return {
    latent: [latent.channels, latent.height, latent.width],
    framesPerBlock,
    previousFrames: conditioning.previousFrames,
    controls: controlVectorLength(controls),
    tokensPerFrame: cache.tokensPerFrame,
    slots: cache.mostSlots === undefined ? raw : OPEN_SLOTS,
    rotaryHalf: cache.position.rotaryDim / 2,
  };
}

/** The signature of every graph the manifest names. */
export function graphSignatures(
  manifest: Manifest,
): Readonly<Partial<Record<GraphRole, GraphSignature>>> {
  const { graphs, topology } = manifest;
  return {
    ...(graphs.encoder !== undefined && { encoder: encoder(manifest) }),
    denoiser:
      topology === "separable" ? separableDenoiser(manifest) : entangledDenoiser(manifest, 1),
    ...(graphs.denoiserFused !== undefined && { denoiserFused: entangledDenoiser(manifest, 2) }),
    decoder: decoder(manifest),
    imageEncoder: imageEncoder(manifest),
    ...(graphs.compressor !== undefined && { compressor: compressor(manifest) }),
    ...(graphs.compressorRaster !== undefined && { compressorRaster: compressor(manifest) }),
    ...(graphs.speechEncoder !== undefined && { speechEncoder: speechEncoder(manifest) }),
    ...(graphs.faceCheck !== undefined && { faceCheck: faceCheck(manifest) }),
  };
}

const float = (...shape: Dim[]): TensorShape => ({ type: "float32", shape });
const bytes = (...shape: Dim[]): TensorShape => ({ type: "uint8", shape });

/** The cache as a pass over `frames` frames is given it. */
function cacheInputs(manifest: Manifest, frames: number): Record<string, TensorShape> {
  const { layers, heads, headDim } = manifest.cache;
  const { slots, rotaryHalf, tokensPerFrame } = modelSizes(manifest);
  const own = {
    query_cos: float(frames * tokensPerFrame, rotaryHalf),
    query_sin: float(frames * tokensPerFrame, rotaryHalf),
  };
  if (manifest.cache.kind === "state") return { cache_state: state(manifest), ...own };
  return {
    cache_key: float(layers, heads, slots, headDim),
    cache_value: float(layers, heads, slots, headDim),
    cache_bias: float(layers, slots),
    cache_cos: float(layers, slots, rotaryHalf),
    cache_sin: float(layers, slots, rotaryHalf),
    ...own,
  };
}

const state = ({ cache: { layers, heads, headDim } }: Manifest): TensorShape =>
  float(layers, heads, headDim, headDim);

/**
 * What a pass over `frames` frames answers for the cache: its keys and values, and its queries where it has them; or the
 * state after it.
 */
function ownTokens(manifest: Manifest, frames: number): Record<string, TensorShape> {
  if (manifest.cache.kind === "state") return { state: state(manifest) };
  const own = keysAndValues(manifest, frames);
  return manifest.cache.queries === true ? { ...own, query: own.key } : own;
}

/** The keys and values of `frames` frames. */
function keysAndValues(
  manifest: Manifest,
  frames: number,
): { readonly key: TensorShape; readonly value: TensorShape } {
  const { layers, heads, headDim, tokensPerFrame } = manifest.cache;
  const own = float(layers, heads, frames * tokensPerFrame, headDim);
  return { key: own, value: own };
}

/** A group of frames' keys and values, folded into those of one frame. */
function compressor(manifest: Manifest): GraphSignature {
  const group = keysAndValues(manifest, manifest.cache.groupFrames ?? 1);
  return {
    inputs: { group_key: group.key, group_value: group.value },
    outputs: keysAndValues(manifest, 1),
  };
}

function previous(manifest: Manifest): Record<string, TensorShape> {
  const { previousFrames, latent } = modelSizes(manifest);
  return previousFrames === 0 ? {} : { previous: float(previousFrames, ...latent) };
}

/** What `frames` frames hear; nothing where the package has no speech lane. */
function speech({ lanes }: Manifest, frames: number): Record<string, TensorShape> {
  return lanes.speech === undefined ? {} : { speech: float(frames, lanes.speech.features) };
}

/** The latent of the session's reference picture; nothing where the package asks for none. */
function reference(manifest: Manifest): Record<string, TensorShape> {
  const { latent } = modelSizes(manifest);
  return manifest.conditioning.reference === true ? { reference: float(1, ...latent) } : {};
}

function encoder(manifest: Manifest): GraphSignature {
  const { latent, controls } = modelSizes(manifest);
  return {
    inputs: {
      latent: float(1, ...latent),
      control: float(1, controls),
      ...cacheInputs(manifest, 1),
      ...speech(manifest, 1),
    },
    outputs: { features: features(manifest), ...ownTokens(manifest, 1) },
  };
}

const features = (manifest: Manifest): TensorShape =>
  float(1, ...(manifest.conditioning.features ?? []));

function separableDenoiser(manifest: Manifest): GraphSignature {
  const { latent } = modelSizes(manifest);
  return {
    inputs: {
      sample: float(1, ...latent),
      sigma: float(1),
      features: features(manifest),
      ...previous(manifest),
      ...reference(manifest),
    },
    outputs: { prediction: float(1, ...latent) },
  };
}

/** `blocks` is 2 for the fused pass, else 1. */
function entangledDenoiser(manifest: Manifest, blocks: number): GraphSignature {
  const { latent, framesPerBlock, controls } = modelSizes(manifest);
  const frames = blocks * framesPerBlock;
  return {
    inputs: {
      sample: float(frames, ...latent),
      sigma: float(frames),
      control: float(frames, controls),
      ...cacheInputs(manifest, frames),
      ...previous(manifest),
      ...speech(manifest, frames),
      ...reference(manifest),
    },
    outputs: { prediction: float(frames, ...latent), ...ownTokens(manifest, frames) },
  };
}

function decoder(manifest: Manifest): GraphSignature {
  const { latent, framesPerBlock } = modelSizes(manifest);
  const { width, height } = manifest.lanes.video;
  return {
    inputs: { latent: float(framesPerBlock, ...latent) },
    outputs: { rgb: bytes(framesPerBlock, height, width, 3) },
  };
}

function imageEncoder(manifest: Manifest): GraphSignature {
  const { latent } = modelSizes(manifest);
  const { width, height } = manifest.lanes.video;
  return {
    inputs: { rgb: bytes(1, height, width, 3) },
    outputs: { latent: float(1, ...latent) },
  };
}

function speechEncoder({ lanes }: Manifest): GraphSignature {
  const { windowFrames = 0, samplesPerFrame = 0, features = 0 } = lanes.speech ?? {};
  return {
    inputs: { pcm: float(1, windowFrames * samplesPerFrame) },
    outputs: { features: float(1, features) },
  };
}

function faceCheck({ lanes }: Manifest): GraphSignature {
  const { width, height } = lanes.video;
  return { inputs: { rgb: bytes(1, height, width, 3) }, outputs: { score: float(1) } };
}
