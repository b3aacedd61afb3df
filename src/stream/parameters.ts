import { StreamError } from "../core/errors.ts";
import type { CacheOptions, SoundSource } from "./engine/contract.ts";
import type { SessionModel } from "./model.ts";

/** What may change while a session runs, besides controls. */
export interface Parameters {
  /** Denoising steps of every later block. */
  readonly steps: number;
  /** Seed of the noise from the next reset on. */
  readonly seed: number;
  /** Frames the cache's window keeps, from the next block on. */
  readonly windowFrames: number;
  /** Frames that are never evicted, from the next reset on. */
  readonly sinkFrames: number;
  /** What is heard, from the next block on. */
  readonly sound: SoundSource;
}

/** A change of some parameters. */
export type ParameterChange = { readonly [K in keyof Parameters]?: Parameters[K] | undefined };

/** The model's own parameters, with `seed`. */
export const defaultParameters = (model: SessionModel, seed: number): Parameters => ({
  steps: model.steps.default,
  seed,
  windowFrames: model.cache.windowFrames,
  sinkFrames: model.cache.sinkFrames,
  sound: "none",
});

/**
 * Apply `change` to `parameters`.
 *
 * @throws {StreamError} `bad_parameter` when the model cannot do what is asked; nothing is changed then.
 */
export function changeParameters(
  parameters: Parameters,
  change: ParameterChange,
  model: SessionModel,
): Parameters {
  const next: Parameters = {
    steps: change.steps ?? parameters.steps,
    seed: change.seed ?? parameters.seed,
    windowFrames: change.windowFrames ?? parameters.windowFrames,
    sinkFrames: change.sinkFrames ?? parameters.sinkFrames,
    sound: change.sound ?? parameters.sound,
  };
  const { choices } = model.steps;
  require(choices.includes(next.steps), "steps", `one of ${choices.join(", ")}`);
  within(next.windowFrames, model.framesPerBlock, model.cache.windowFrames, "window_frames");
  within(next.sinkFrames, 0, model.cache.sinkFrames, "sink_frames");
  return next;
}

/** The cache options that `parameters` stand for. */
export const cacheOptions = ({ windowFrames, sinkFrames }: Parameters): CacheOptions => ({
  policy: "window",
  windowFrames,
  sinkFrames,
});

const within = (value: number, low: number, high: number, name: string): void =>
  require(value >= low && value <= high, name, `from ${low} to ${high}`);

function require(condition: boolean, name: string, wanted: string): void {
  if (condition) return;
  throw new StreamError("bad_parameter", `${name} of this model must be ${wanted}`, {
    detail: { path: `parameters.${name}` },
  });
}
