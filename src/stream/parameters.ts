import { type CacheChoice, settle } from "../cache/choice.ts";
import { StreamError } from "../core/errors.ts";
import type { SoundSource } from "./engine/contract.ts";
import type { SessionModel } from "./model.ts";

/** What may change while a session runs, besides controls. */
export interface Parameters {
  /** Denoising steps of every later block. */
  readonly steps: number;
  /** Seed of the noise from the next reset on. */
  readonly seed: number;
  /** What the cache keeps, from the next block on; its sinks from the next reset on. */
  readonly cache: CacheChoice;
  /** What is heard, from the next block on. */
  readonly sound: SoundSource;
}

/** A change of some of what a cache keeps. */
export type CacheChange = { readonly [K in keyof CacheChoice]?: CacheChoice[K] | undefined };

/** A change of some parameters. */
export type ParameterChange = {
  readonly [K in keyof Omit<Parameters, "cache">]?: Parameters[K] | undefined;
} & { readonly cache?: CacheChange | undefined };

/** The model's own parameters, with `seed`. */
export const defaultParameters = (model: SessionModel, seed: number): Parameters => ({
  steps: model.steps.default,
  seed,
  cache: model.cache.initial,
  sound: model.speech === undefined ? "none" : "voice",
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
  const { steps = parameters.steps, seed = parameters.seed, sound = parameters.sound } = change;
  const { choices } = model.steps;
  if (!choices.includes(steps)) {
    throw new StreamError(
      "bad_parameter",
      `steps of this model must be one of ${choices.join(", ")}`,
      { detail: { path: "parameters.steps" } },
    );
  }
  if (sound === "voice" && model.speech === undefined) {
    throw new StreamError("bad_parameter", "this model hears nobody, so it has no voice", {
      detail: { path: "parameters.sound" },
    });
  }
  const { cache: wanted = {} } = change;
  const said = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const cache: CacheChoice = { ...parameters.cache, ...Object.fromEntries(said) };
  if (said.length > 0) settle(cache, model.cache.allowance);
  return { steps, seed, cache, sound };
}

/** @throws {StreamError} `unknown_start` when the model has no such start. */
export function requireStart(start: string | undefined, { starts }: SessionModel): void {
  if (start === undefined || starts.includes(start)) return;
  throw new StreamError(
    "unknown_start",
    `this model has no start \`${start}\`; it has: ${starts.join(", ")}`,
  );
}
