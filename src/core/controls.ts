/**
 * What a viewer may change while a session runs, as a model package declares it, and its value.
 *
 * A package lists its controls in order; the control vector a graph is given is their values in that
 * order (a button and an axis take one number each, a choice one number per option).
 */

/** How several values of one control inside a block become one. */
type MergeRule = "hold" | "accumulate" | "latest";

/** Which keys, mouse motion, gamepad or touch widget drive a control, as a suggestion to clients. */
export interface ControlBindings {
  readonly keyboard?: readonly string[];
  readonly gamepad?: readonly string[];
  readonly touch?: string;
  readonly mouse?: "dx" | "dy";
  /** Control units per pixel of mouse motion. */
  readonly scale?: number;
  /** Value a held key gives an axis, by key code. */
  readonly keyValues?: Readonly<Record<string, number>>;
}

interface ControlBase {
  readonly name: string;
  readonly title: string;
  readonly merge: MergeRule;
  readonly bindings?: ControlBindings;
}

/** A key that is down (1) or up (0). */
export interface ButtonControl extends ControlBase {
  readonly kind: "button";
  readonly default: 0 | 1;
}

/** A number in `range`. */
export interface AxisControl extends ControlBase {
  readonly kind: "axis";
  readonly range: readonly [number, number];
  readonly default: number;
}

/** One of several words. */
export interface ChoiceControl extends ControlBase {
  readonly kind: "choice";
  readonly options: readonly string[];
  readonly default: string;
}

/** One control of a model package. */
export type Control = ButtonControl | AxisControl | ChoiceControl;

/** A value of one control: 0 or 1 for a button, a number for an axis, a word for a choice. */
export type ControlValue = number | string;

/** Values by control name. */
export type ControlValues = Readonly<Record<string, ControlValue>>;

/** The number of floats the control vector of `controls` holds. */
export const controlVectorLength = (controls: readonly Control[]): number =>
  controls.reduce((n, control) => n + (control.kind === "choice" ? control.options.length : 1), 0);

/**
 * Lay control values out as the vector a graph takes; a control without a value has its default.
 *
 * Shapes: returns [controlVectorLength(controls)], float32.
 */
export function controlVector(controls: readonly Control[], values: ControlValues): Float32Array {
  const floats = controls.flatMap((control) => {
    const value = values[control.name] ?? control.default;
    return control.kind === "choice"
      ? control.options.map((option) => (option === value ? 1 : 0))
      : [Number(value)];
  });
  return Float32Array.from(floats);
}

/** Every control at its default. */
export const defaultControls = (controls: readonly Control[]): ControlValues =>
  Object.fromEntries(controls.map((control) => [control.name, control.default]));
