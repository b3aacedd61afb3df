import type { Control } from "../../../src/core/controls.ts";
import { bindingsOf } from "./bindings.ts";
import type { Mixer } from "./mixer.ts";

/** Button indexes of the W3C standard gamepad, by place. */
const BUTTONS: Readonly<Record<string, number>> = {
  south: 0,
  east: 1,
  west: 2,
  north: 3,
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

interface StickPart {
  readonly axis: number;
  /** Which way counts; 0 for the whole axis. */
  readonly half: -1 | 0 | 1;
}

/** Axis indexes of the W3C standard gamepad: `stick` is the left stick, `look` the right one. */
const STICKS: Readonly<Record<string, StickPart>> = {
  "stick-x": { axis: 0, half: 0 },
  "stick-y": { axis: 1, half: 0 },
  "stick-left": { axis: 0, half: -1 },
  "stick-right": { axis: 0, half: 1 },
  "stick-up": { axis: 1, half: -1 },
  "stick-down": { axis: 1, half: 1 },
  "look-x": { axis: 2, half: 0 },
  "look-y": { axis: 3, half: 0 },
  "look-left": { axis: 2, half: -1 },
  "look-right": { axis: 2, half: 1 },
  "look-up": { axis: 3, half: -1 },
  "look-down": { axis: 3, half: 1 },
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
  const stick = STICKS[name];
  if (stick === undefined) return 0;
  const deflection = pad.axes[stick.axis] ?? 0;
  if (stick.half !== 0) return Math.max(0, deflection * stick.half);
  return Math.abs(deflection) < DEAD_ZONE ? 0 : deflection;
}

/** What a gamepad does on the page. */
export interface GamepadHandlers {
  readonly mixer: Mixer;
  /** Told when the first gamepad appears and when the last one goes. */
  readonly connected: (is: boolean) => void;
}

/** Let the first connected gamepad hold the controls bound to it; until `signal` aborts. */
export function driveByGamepad(
  controls: readonly Control[],
  { mixer, connected }: GamepadHandlers,
  signal: AbortSignal,
): void {
  // Some browsers have gamepads in secure contexts only.
  if (!("getGamepads" in navigator)) return;
  const bound = controls.filter((control) => (bindingsOf(control).gamepad ?? []).length > 0);
  let present = false;
  const poll = () => {
    if (signal.aborted) return;
    const pad = navigator.getGamepads().find((candidate) => candidate !== null);
    if ((pad !== undefined) !== present) {
      present = pad !== undefined;
      if (!present) mixer.letGoOf("gamepad");
      connected(present);
    }
    if (pad) for (const control of bound) apply(control, pad, mixer);
    if (present) requestAnimationFrame(poll);
  };
  addEventListener("gamepadconnected", poll, { signal });
  poll();
}

function apply(control: Control, pad: PadReading, mixer: Mixer): void {
  if (control.kind === "choice") return;
  const parts = (bindingsOf(control).gamepad ?? []).map((name) => readPart(pad, name));
  const strongest = parts.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const value = control.kind === "axis" ? strongest : strongest >= PRESS ? 1 : 0;
  if (value === 0) mixer.letGo("gamepad", control.name);
  else mixer.hold("gamepad", control.name, value);
}
