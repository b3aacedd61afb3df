/** The schema of `manifest.json`. `docs/package-format.md` is the same contract in prose. */

import { z } from "zod";
import { CACHE_POLICIES } from "../cache/choice.ts";
import type { Control } from "../core/controls.ts";

/** What `format` must say. */
const PACKAGE_FORMAT = "zoetrope.package/1";

/** Bounds of a manifest, far above any real model. */
export const MOST = {
  files: 512,
  fileBytes: 2 ** 34,
  /** What one protocol buffer can hold. */
  graphBytes: 2 ** 31 - 1,
  pictureBytes: 2 ** 26,
  controls: 256,
  options: 256,
  starts: 256,
  steps: 64,
  side: 4096,
  latentSide: 1024,
  channels: 4096,
  frames: 65_536,
  tokens: 65_536,
  slots: 2 ** 20,
  samples: 2 ** 16,
} as const;

const count = (most: number) => z.number().int().min(1).max(most);
const line = (most: number) => z.string().min(1).max(most);
const identifier = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "lower-case letters, digits and dashes");
const path = z
  .string()
  .min(1)
  .max(255)
  .refine(staysInside, "must be a relative path inside the package, with `/`, without `..`");

/** Whether `name` cannot lead out of the folder it is joined to. */
function staysInside(name: string): boolean {
  if (/[\\:\0]/.test(name) || name.startsWith("/")) return false;
  return name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

const file = z.strictObject({
  bytes: z.number().int().min(0).max(MOST.fileBytes),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits"),
});

const quantiser = z.strictObject({
  kind: z.literal("fsq"),
  levels: z.number().int().min(2).max(1024),
});

const videoLane = z.strictObject({
  frameRate: z.number().positive().max(240),
  width: count(MOST.side),
  height: count(MOST.side),
  framesPerBlock: count(256),
  scaling: z.enum(["nearest", "smooth"]).exactOptional(),
  latent: z.strictObject({
    channels: count(MOST.channels),
    height: count(MOST.latentSide),
    width: count(MOST.latentSide),
    quantiser: quantiser.nullable(),
  }),
});

/** The only rate that speech lanes have. */
const SPEECH_RATE = 16_000;

const speechLane = z.strictObject({
  sampleRate: z.literal(SPEECH_RATE),
  samplesPerFrame: count(MOST.samples),
  windowFrames: count(256),
  lookAheadFrames: z.number().int().min(0).max(256),
  features: count(MOST.channels),
});

const sigma = z.number().positive().max(1);

const schedule = z.strictObject({
  prediction: z.enum(["x0", "velocity"]),
  solver: z.enum(["euler", "renoise"]),
  sigmas: z.record(
    z.string().regex(/^[1-9][0-9]?$/, "a step count"),
    z.array(sigma).max(MOST.steps),
  ),
  defaultSteps: count(MOST.steps),
});

const cache = z.strictObject({
  kind: z.literal("state").exactOptional(),
  layers: count(512),
  heads: count(512),
  headDim: count(1024),
  tokensPerFrame: count(MOST.tokens),
  sinkFrames: z.number().int().min(0).max(MOST.frames),
  windowFrames: count(MOST.frames),
  mostSlots: count(MOST.slots).exactOptional(),
  queries: z.literal(true).exactOptional(),
  groupFrames: z.number().int().min(2).max(256).exactOptional(),
  policy: z
    .strictObject({
      name: z.enum(CACHE_POLICIES).exclude(["state"]),
      memorySlots: count(MOST.slots).exactOptional(),
      threshold: z.number().min(0).max(1).exactOptional(),
    })
    .exactOptional(),
  position: z.strictObject({
    scheme: z.enum(["window", "clamped"]),
    rotaryDim: z.number().int().min(2).max(1024).multipleOf(2),
    theta: z.number().gt(1).max(1e9),
  }),
});

const keyCode = line(32);
const bindings = z.strictObject({
  keyboard: z.array(keyCode).max(16).exactOptional(),
  gamepad: z.array(line(32)).max(16).exactOptional(),
  touch: line(32).exactOptional(),
  mouse: z.enum(["dx", "dy"]).exactOptional(),
  scale: z.number().exactOptional(),
  keyValues: z.record(keyCode, z.number()).exactOptional(),
});

const controlBase = {
  name: z
    .string()
    .max(64)
    .regex(/^[a-z][a-zA-Z0-9_]*$/, "letters, digits and _, beginning with a small letter"),
  title: line(80),
  merge: z.enum(["hold", "accumulate", "latest"]),
  bindings: bindings.exactOptional(),
};

const control = z.discriminatedUnion("kind", [
  z.strictObject({
    ...controlBase,
    kind: z.literal("button"),
    default: z.union([z.literal(0), z.literal(1)]),
  }),
  z.strictObject({
    ...controlBase,
    kind: z.literal("axis"),
    range: z.tuple([z.number(), z.number()]),
    default: z.number(),
  }),
  z.strictObject({
    ...controlBase,
    kind: z.literal("choice"),
    options: z.array(line(64)).min(1).max(MOST.options),
    default: line(64),
  }),
]);

const optionalGraph = path.exactOptional();

/** The schema of `manifest.json`; unknown keys are refused at every level. */
export const manifestSchema = z.strictObject({
  format: z.literal(PACKAGE_FORMAT),
  id: identifier,
  version: z
    .string()
    .max(64)
    .regex(/^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$/, "a semantic version such as 1.0.0"),
  title: line(80),
  description: line(2000),
  licence: line(80),
  card: path,
  cover: path.exactOptional(),
  files: z.record(path, file),
  topology: z.enum(["separable", "entangled"]),
  graphs: z.strictObject({
    encoder: optionalGraph,
    denoiser: path,
    denoiserFused: optionalGraph,
    decoder: path,
    imageEncoder: path,
    compressor: optionalGraph,
    compressorRaster: optionalGraph,
    speechEncoder: optionalGraph,
    faceCheck: optionalGraph,
  }),
  fullPrecision: z
    .strictObject({
      encoder: optionalGraph,
      denoiser: optionalGraph,
      denoiserFused: optionalGraph,
      decoder: optionalGraph,
      imageEncoder: optionalGraph,
      compressor: optionalGraph,
      compressorRaster: optionalGraph,
      speechEncoder: optionalGraph,
      faceCheck: optionalGraph,
    })
    .exactOptional(),
  lanes: z.strictObject({ video: videoLane, speech: speechLane.exactOptional() }),
  conditioning: z.strictObject({
    previousFrames: z.number().int().min(0).max(64),
    features: z
      .tuple([count(MOST.channels), count(MOST.latentSide), count(MOST.latentSide)])
      .nullable(),
    reference: z.boolean().exactOptional(),
  }),
  schedule,
  commit: z.strictObject({
    strategy: z.enum(["encoder", "separate", "fused", "per-step"]),
    sigma: z.number().min(0).max(1),
  }),
  cache,
  controls: z.array(control).min(1).max(MOST.controls),
  starts: z
    .array(z.strictObject({ id: identifier, title: line(80), image: path }))
    .min(1)
    .max(MOST.starts),
  provider: z
    .strictObject({
      preferred: z.enum(["cpu", "webgpu", "cuda"]).exactOptional(),
      intraOpThreads: count(64).exactOptional(),
    })
    .exactOptional(),
});

/** A manifest as the schema leaves it. */
export type Manifest = Omit<z.infer<typeof manifestSchema>, "controls"> & {
  readonly controls: readonly Control[];
};

/** Roles a graph can have. */
export type GraphRole = keyof Manifest["graphs"];
