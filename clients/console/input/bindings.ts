/** What drives each control: keys, gamepad, touch and mouse, as the model suggests or as names tell. */

import type { Control, ControlBindings, ControlValue } from "../../../src/core/controls.ts";

/** What a key does while it is down. */
export interface KeyAction {
  readonly control: string;
  readonly value: ControlValue;
}

/** Places on the touch pad. */
export type PadPlace = "left" | "right" | "up" | "down";

/** What the touch pad offers. */
export interface TouchLayout {
  readonly pad: Readonly<Partial<Record<PadPlace, Control>>>;
  /** Round buttons, the most important first. */
  readonly actions: readonly Control[];
}

/** What one pixel of mouse motion does. */
export interface MotionBinding {
  readonly control: string;
  readonly direction: "dx" | "dy";
  readonly scale: number;
  readonly range: readonly [number, number];
}

/** What people expect of these names; used for controls that suggest nothing. */
const BY_NAME: Readonly<Record<string, ControlBindings>> = {
  left: { keyboard: ["ArrowLeft", "KeyA"], gamepad: ["dpad-left", "stick-left"], touch: "left" },
  right: {
    keyboard: ["ArrowRight", "KeyD"],
    gamepad: ["dpad-right", "stick-right"],
    touch: "right",
  },
  up: { keyboard: ["ArrowUp", "KeyW"], gamepad: ["dpad-up", "stick-up"], touch: "up" },
  down: { keyboard: ["ArrowDown", "KeyS"], gamepad: ["dpad-down", "stick-down"], touch: "down" },
  jump: { keyboard: ["Space", "ArrowUp", "KeyW"], gamepad: ["south"], touch: "primary" },
};

/** The bindings of a control: each of its own suggestions, and what its name tells for the rest. */
export const bindingsOf = (control: Control): ControlBindings => ({
  ...BY_NAME[control.name],
  ...control.bindings,
});

/** What each key does, by `KeyboardEvent.code`. */
export function keyActions(controls: readonly Control[]): Map<string, KeyAction[]> {
  const actions = new Map<string, KeyAction[]>();
  for (const control of controls) {
    for (const [index, code] of (bindingsOf(control).keyboard ?? []).entries()) {
      const value = keyValue(control, code, index);
      if (value === undefined) continue;
      actions.set(code, [...(actions.get(code) ?? []), { control: control.name, value }]);
    }
  }
  return actions;
}

function keyValue(control: Control, code: string, index: number): ControlValue | undefined {
  switch (control.kind) {
    case "button":
      return 1;
    case "axis":
      return bindingsOf(control).keyValues?.[code] ?? control.range[1];
    case "choice":
      return control.options[index];
  }
}

const PLACES: ReadonlySet<string> = new Set(["left", "right", "up", "down"]);

/** Which buttons go where on a touch screen. */
export function touchLayout(controls: readonly Control[]): TouchLayout {
  const pad: Partial<Record<PadPlace, Control>> = {};
  const actions: Control[] = [];
  for (const control of controls) {
    if (control.kind !== "button") continue;
    const place = bindingsOf(control).touch;
    if (place !== undefined && PLACES.has(place)) pad[place as PadPlace] = control;
    else if (place === "primary") actions.unshift(control);
    else actions.push(control);
  }
  return { pad, actions };
}

/** Controls that mouse motion and a dragged finger move. */
export const motionBindings = (controls: readonly Control[]): MotionBinding[] =>
  controls.flatMap((control) => {
    const { mouse, scale } = bindingsOf(control);
    if (control.kind !== "axis" || mouse === undefined) return [];
    return [
      { control: control.name, direction: mouse, scale: scale ?? 0.01, range: control.range },
    ];
  });

const KEY_CAPS: Readonly<Record<string, string>> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Space: "Space",
  ShiftLeft: "Shift",
  ShiftRight: "Shift",
  ControlLeft: "Ctrl",
  Enter: "Enter",
};

/** What is printed on the key with this `KeyboardEvent.code`. */
export const keyCap = (code: string): string => KEY_CAPS[code] ?? code.replace(/^(Key|Digit)/, "");
