import type { AxisControl, ChoiceControl, Control } from "../../src/core/controls.ts";
import { element } from "./element.ts";
import { bindingsOf } from "./input/bindings.ts";
import type { Mixer } from "./input/mixer.ts";
import { choices, slider, type Widget } from "./widgets.ts";

/** Positions of a slider over an axis. */
const SLIDER_STEPS = 100;

/**
 * Widgets for the controls that no key, stick or finger drives: every choice, and axes that stay where they
 * are put; undefined when the model has none.
 */
export function steering(controls: readonly Control[], mixer: Mixer): HTMLElement | undefined {
  const widgets = controls.flatMap((control) => widgetFor(control, mixer) ?? []);
  if (widgets.length === 0) return undefined;
  return element("div", { class: "settings", role: "group", "aria-label": "Steering" }, ...widgets);
}

function widgetFor(control: Control, mixer: Mixer): HTMLElement | undefined {
  if (control.kind === "choice") return shown(choiceWidget(control, mixer), control.default);
  if (control.kind === "axis" && isLeftAlone(control)) {
    return shown(axisWidget(control, mixer), control.default);
  }
  return undefined;
}

function isLeftAlone(control: AxisControl): boolean {
  const { keyboard = [], gamepad = [], mouse } = bindingsOf(control);
  const isDriven = keyboard.length + gamepad.length > 0 || mouse !== undefined;
  return control.merge !== "accumulate" && !isDriven;
}

const choiceWidget = (control: ChoiceControl, mixer: Mixer): Widget<string> =>
  choices(labelOf(control), control.options, (value) => {
    mixer.hold("panel", control.name, value);
  });

function axisWidget(control: AxisControl, mixer: Mixer): Widget<number> {
  const [low, high] = control.range;
  const range = { low, high, step: (high - low) / SLIDER_STEPS };
  const set = (value: number) => {
    mixer.hold("panel", control.name, value);
  };
  return slider(labelOf(control), range, set, { live: true });
}

const labelOf = ({ name, title }: Control) => ({
  name: `steer-${name}`,
  title,
  hint: "",
  unit: "",
});

function shown<Value>({ body, show }: Widget<Value>, value: Value): HTMLElement {
  show(value);
  return body;
}
