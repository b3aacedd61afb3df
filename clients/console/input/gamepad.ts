import type { Control } from "../../../src/core/controls.ts";
import { bindingsOf } from "./bindings.ts";
import type { Mixer } from "./mixer.ts";

/** Button indexes of the W3C standard gamepad. */
const BUTTONS: Readonly<Record<string, number>> = {
  a: 0,
  b: 1,
  x: 2,
  y: 3,
  lb: 4,
  rb: 5,
  lt: 6,
  rt: 7,
  select: 8,
  start: 9,
  "dpad-up": 12,
  "dpad-down": 13,
  "dpad-left": 14,
  "dpad-right": 15,
};

/** Axis indexes of the W3C standard gamepad. */
const AXES: Readonly<Record<string, number>> = {
  "left-x": 0,
  "left-y": 1,
  "right-x": 2,
  "right-y": 3,
};

/** Deflection below which a stick is at rest. */
const DEAD_ZONE = 0.18;
/** Deflection from which half of a stick counts as a pressed button. */
const PRESS = 0.45;

/** What is read of a gamepad. */
export interface PadReading {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly pressed: boolean; readonly value: number }[];
}

/** How far the part called `name` is pushed: [0, 1] for buttons and halves of sticks, [-1, 1] for axes. */
export function readPart(pad: PadReading, name: string): number {
  const button = BUTTONS[name];
  if (button !== undefined) return pad.buttons[button]?.value ?? 0;
  const half = name.endsWith("+") ? 1 : name.endsWith("-") ? -1 : 0;
  const axis = AXES[half === 0 ? name : name.slice(0, -1)];
  const deflection = axis === undefined ? 0 : (pad.axes[axis] ?? 0);
  if (half === 0) return Math.abs(deflection) < DEAD_ZONE ? 0 : deflection;
  return Math.max(0, deflection * half);
}

/** Let the first connected gamepad hold the controls bound to it; until `signal` aborts. */
export function driveByGamepad(
  controls: readonly Control[],
  mixer: Mixer,
  signal: AbortSignal,
): void {
  const bound = controls.filter((control) => (bindingsOf(control).gamepad ?? []).length > 0);
  const poll = () => {
    if (signal.aborted) return;
    const pad = navigator.getGamepads().find((candidate) => candidate !== null);
    if (pad) for (const control of bound) apply(control, pad, mixer);
    requestAnimationFrame(poll);
  };
  const start = () => requestAnimationFrame(poll);
  if (navigator.getGamepads().some((pad) => pad !== null)) start();
  else addEventListener("gamepadconnected", start, { signal, once: true });
}

function apply(control: Control, pad: PadReading, mixer: Mixer): void {
  const parts = (bindingsOf(control).gamepad ?? []).map((name) => readPart(pad, name));
  const strongest = parts.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const value = control.kind === "axis" ? strongest : strongest >= PRESS ? 1 : 0;
  if (control.kind === "choice") return;
  if (value === 0) mixer.letGo("gamepad", control.name);
  else mixer.hold("gamepad", control.name, value);
}
