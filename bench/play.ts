/** A seeded player: holds buttons for a while, lets go, moves axes; the same seed plays the same game. */

import type { Control, ControlValues } from "../src/core/controls.ts";

/** Mean number of blocks that a button stays as it is. */
const MEAN_HOLD_BLOCKS = 12;
/** Share of the time a button is held. */
const HELD_SHARE = 0.4;

/** A stream of uniform numbers in [0, 1) by xorshift32 (Marsaglia, 2003). */
export function uniforms(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** An endless sequence of control values for `controls`. */
export function* randomPlay(
  controls: readonly Control[],
  seed: number,
): Generator<ControlValues, never> {
  const uniform = uniforms(seed);
  const values = new Map(controls.map((control) => [control.name, control.default]));
  for (;;) {
    for (const control of controls) {
      if (uniform() < 1 / MEAN_HOLD_BLOCKS) values.set(control.name, draw(control, uniform));
    }
    yield Object.fromEntries(values);
  }
}

function draw(control: Control, uniform: () => number): number | string {
  switch (control.kind) {
    case "button":
      return uniform() < HELD_SHARE ? 1 : 0;
    case "axis":
      return control.range[0] + uniform() * (control.range[1] - control.range[0]);
    case "choice":
      return control.options[Math.floor(uniform() * control.options.length)] ?? control.default;
  }
}

/** Turns the keys of a player who only chases into those of one with moods. */
export type MoodyPlayer = (chase: Float32Array) => Float32Array;

const MEAN_MOOD_FRAMES = 40;
const MEAN_PUSH_FRAMES = 14;
const CHASE_SHARE = 0.72;
const IDLE_SHARE = 0.07;

/**
 * A player of [left, right, jump] worlds who mostly chases, sometimes runs about, sometimes stands still;
 * the moods that the training data was played with.
 */
export function moodyPlayer(seed: number): MoodyPlayer {
  const uniform = uniforms(seed);
  let mood = uniform();
  let push = 0;
  let jump = 0;
  return (chase) => {
    if (uniform() < 1 / MEAN_MOOD_FRAMES) mood = uniform();
    if (uniform() < 1 / MEAN_PUSH_FRAMES) push = Math.floor(uniform() * 3) - 1;
    if (uniform() < 1 / 8) jump = uniform() < 0.4 ? 1 : 0;
    if (mood > 1 - IDLE_SHARE) return new Float32Array(3);
    if (mood > CHASE_SHARE) return Float32Array.of(push < 0 ? 1 : 0, push > 0 ? 1 : 0, jump);
    return chase.slice();
  };
}
