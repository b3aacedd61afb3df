import {
  type Control,
  type ControlValue,
  type ControlValues,
  defaultControls,
} from "../../src/core/controls.ts";
import { StreamError } from "../../src/core/errors.ts";

/** Motions are gathered this long before they are sent: half a frame at 60 Hz. */
const GATHER_MS = 8;

/**
 * The viewer's hands: the controls a model declares and the values they are held at.
 *
 * Changes made in one turn of the event loop leave as one message; motions of an accumulating control
 * are summed for a few milliseconds. A value that is already held is not sent again.
 */
export class ControlPad<Values extends ControlValues = ControlValues> {
  readonly declared: readonly Control[];
  readonly #send: (values: ControlValues) => void;
  readonly #byName: ReadonlyMap<string, Control>;
  #held: Record<string, ControlValue>;
  #outgoing: Record<string, ControlValue> = {};
  #scheduled: "none" | "soon" | "now" = "none";

  constructor(declared: readonly Control[], send: (values: ControlValues) => void) {
    this.declared = declared;
    this.#send = send;
    this.#byName = new Map(declared.map((control) => [control.name, control]));
    this.#held = { ...defaultControls(declared) };
  }

  /** The value a control is held at; an accumulating control is always at its default. */
  get<Name extends keyof Values & string>(name: Name): Values[Name] {
    this.#find(name);
    return this.#held[name] as Values[Name];
  }

  /**
   * Hold a control at `value`; for an accumulating control, move it by `value` once.
   *
   * @throws {StreamError} `unknown_control` when the model declares no such control, `bad_control` when
   *   the value is not one it can take.
   */
  set<Name extends keyof Values & string>(name: Name, value: Values[Name]): void {
    const control = this.#find(name);
    check(control, value);
    if (control.merge === "accumulate") this.#move(control, Number(value));
    else this.#hold(name, value);
  }

  /** Let go of everything: every control back to its default. */
  release(): void {
    for (const control of this.declared) {
      if (control.merge !== "accumulate") this.#hold(control.name, control.default);
    }
  }

  /** Send what is held again, as after a reconnect, when the far side may have missed a change. */
  resend(): void {
    const held = this.declared.filter((control) => control.merge !== "accumulate");
    if (held.length === 0) return;
    this.#outgoing = Object.fromEntries(
      held.map(({ name, ...control }) => [name, this.#held[name] ?? control.default]),
    );
    this.#flush();
  }

  #find(name: string): Control {
    const control = this.#byName.get(name);
    if (control === undefined) {
      throw new StreamError("unknown_control", `the model has no control \`${name}\``);
    }
    return control;
  }

  #hold(name: string, value: ControlValue): void {
    if (this.#held[name] === value) return;
    this.#held[name] = value;
    this.#outgoing[name] = value;
    this.#schedule("now");
  }

  #move(control: Control, distance: number): void {
    const [low, high] = control.kind === "axis" ? control.range : [0, 1];
    const sum = Number(this.#outgoing[control.name] ?? 0) + distance;
    this.#outgoing[control.name] = Math.min(high, Math.max(low, sum));
    this.#schedule("soon");
  }

  #schedule(when: "soon" | "now"): void {
    if (this.#scheduled === "now" || this.#scheduled === when) return;
    this.#scheduled = when;
    if (when === "now") queueMicrotask(() => this.#flush());
    else setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#scheduled = "none";
    const values = this.#outgoing;
    if (Object.keys(values).length === 0) return;
    this.#outgoing = {};
    this.#send(values);
  }
}

function check(control: Control, value: ControlValue): void {
  if (isPossible(control, value)) return;
  throw new StreamError("bad_control", `\`${control.name}\` cannot be ${JSON.stringify(value)}`);
}

function isPossible(control: Control, value: ControlValue): boolean {
  switch (control.kind) {
    case "button":
      return value === 0 || value === 1;
    case "axis":
      return typeof value === "number" && value >= control.range[0] && value <= control.range[1];
    case "choice":
      return typeof value === "string" && control.options.includes(value);
  }
}
