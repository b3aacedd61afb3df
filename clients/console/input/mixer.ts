import type {
  AxisControl,
  Control,
  ControlValue,
  ControlValues,
} from "../../../src/core/controls.ts";

/**
 * Many hands on one control: keys, sticks and fingers each hold a value, and the control gets what they
 * come to together. A button is down while anyone holds it, an axis is their sum inside its range. A choice
 * stays as it was chosen last: nobody holds it.
 */
export class Mixer {
  readonly #controls: ReadonlyMap<string, Control>;
  readonly #set: (name: string, value: ControlValue) => void;
  readonly #held = new Map<string, Map<string, ControlValue>>();
  readonly #changed: (values: ControlValues) => void;

  /** `set` moves a control; `changed` hears what all held controls are at, for showing. */
  constructor(
    controls: readonly Control[],
    set: (name: string, value: ControlValue) => void,
    changed: (values: ControlValues) => void = () => undefined,
  ) {
    this.#controls = new Map(controls.map((control) => [control.name, control]));
    this.#set = set;
    this.#changed = changed;
  }

  /** `source` holds control `name` at `value`. */
  hold(source: string, name: string, value: ControlValue): void {
    const hands = this.#held.get(name) ?? new Map<string, ControlValue>();
    if (hands.get(source) === value) return;
    if (this.#isChoice(name)) hands.clear();
    hands.set(source, value);
    this.#held.set(name, hands);
    this.#apply(name);
  }

  /** `source` lets go of control `name`. */
  letGo(source: string, name: string): void {
    if (this.#isChoice(name)) return;
    if (this.#held.get(name)?.delete(source) === true) this.#apply(name);
  }

  /** `source` lets go of everything. */
  letGoOf(source: string): void {
    for (const name of this.#held.keys()) this.letGo(source, name);
  }

  /** Everyone lets go of everything, as when the window loses the keyboard. */
  releaseAll(): void {
    for (const [name, hands] of this.#held) {
      if (hands.size === 0 || this.#isChoice(name)) continue;
      hands.clear();
      this.#apply(name);
    }
  }

  /** A frame's worth of motion for accumulating controls that somebody holds. */
  pulse(): void {
    for (const [name, hands] of this.#held) {
      const control = this.#controls.get(name);
      if (control?.merge === "accumulate" && hands.size > 0) this.#set(name, this.#mixed(control));
    }
  }

  /** Move an accumulating control, or turn a resting one, by `distance`. */
  move(name: string, distance: number): void {
    const control = this.#controls.get(name);
    if (control?.kind === "axis") this.#set(name, inside(control, distance));
  }

  #isChoice(name: string): boolean {
    return this.#controls.get(name)?.kind === "choice";
  }

  #apply(name: string): void {
    const control = this.#controls.get(name);
    if (control === undefined) return;
    if (control.merge !== "accumulate") this.#set(name, this.#mixed(control));
    this.#changed(this.#values());
  }

  #mixed(control: Control): ControlValue {
    const hands = [...(this.#held.get(control.name)?.values() ?? [])];
    switch (control.kind) {
      case "button":
        return hands.some((value) => value === 1) ? 1 : control.default;
      case "axis":
        if (hands.length === 0) return control.default;
        return inside(
          control,
          hands.reduce<number>((sum, value) => sum + Number(value), 0),
        );
      case "choice":
        return hands[0] ?? control.default;
    }
  }

  #values(): ControlValues {
    return Object.fromEntries(
      [...this.#controls.values()].map((control) => [control.name, this.#mixed(control)]),
    );
  }
}

const inside = ({ range: [low, high] }: AxisControl, value: number): number =>
  Math.min(high, Math.max(low, value));
