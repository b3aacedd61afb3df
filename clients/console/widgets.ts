/** What a person sets a value with: choices side by side, a slider, a number with dice. */

import { element } from "./element.ts";
import { quantity } from "./format.ts";
import { icon } from "./icons.ts";

/** Seeds the dice throw: short enough to remember. */
const DICE_SIDES = 10_000;

/** How a widget is named on the page. */
export interface Label {
  /** Unique among the widgets of a page. */
  readonly name: string;
  readonly title: string;
  readonly hint: string;
  readonly unit: string;
}

/** Whole numbers or steps between two bounds. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly step?: number;
}

/** A widget on the page; `show` sets what it shows and calls nobody. */
export interface Widget<Value> {
  readonly body: HTMLElement;
  readonly show: (value: Value) => void;
}

/** A word as it stands on a button. */
const capital = (value: number | string): string => {
  const text = String(value);
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** A few choices side by side, each called what `nameOf` says. */
export function choices<Value extends number | string>(
  label: Label,
  options: readonly Value[],
  set: (value: Value) => void,
  nameOf: (value: Value) => string = capital,
): Widget<Value> {
  const inputs = options.map((option) =>
    element("input", { type: "radio", name: label.name, value: option, class: "sr-only" }),
  );
  const group = element(
    "div",
    { class: "choices", role: "radiogroup", "aria-label": label.title },
    ...inputs.map((input, i) =>
      element("label", { class: "choices__option" }, input, nameOf(options[i] as Value)),
    ),
  );
  group.addEventListener("change", () => {
    const chosen = options[inputs.findIndex(({ checked }) => checked)];
    if (chosen !== undefined) set(chosen);
  });
  return {
    body: row(label, element("span", {}, label.title), [
      element("span", { class: "field__value" }, label.unit),
      group,
    ]),
    show: (value) => {
      for (const input of inputs) input.checked = input.value === String(value);
    },
  };
}

/** One of several choices out of a list, each called what `nameOf` says. */
export function menu<Value extends number | string>(
  label: Label,
  options: readonly Value[],
  set: (value: Value) => void,
  nameOf: (value: Value) => string = capital,
): Widget<Value> {
  const select = element(
    "select",
    { class: "select", id: idOf(label) },
    ...options.map((option) => element("option", { value: option }, nameOf(option))),
  );
  select.addEventListener("change", () => {
    const chosen = options[select.selectedIndex];
    if (chosen !== undefined) set(chosen);
    select.blur();
  });
  return {
    body: row(label, caption(label), [undefined, select]),
    show: (value) => {
      select.value = String(value);
    },
  };
}

/** A slider whose bounds may move. */
export interface Slider extends Widget<number> {
  readonly limit: (range: Pick<Range, "low" | "high">) => void;
}

/** A slider that tells its value when it is let go, or `live` while it moves. */
export function slider(
  label: Label,
  { low, high, step = 1 }: Range,
  set: (value: number) => void,
  { live = false }: { live?: boolean } = {},
): Slider {
  const output = element("output", { class: "field__value" });
  const input = element("input", {
    type: "range",
    min: low,
    max: high,
    step,
    id: idOf(label),
  });
  const show = (value: number) => {
    input.value = String(value);
    output.textContent = quantity(value, label.unit);
  };
  input.addEventListener("input", () => {
    show(input.valueAsNumber);
    if (live) set(input.valueAsNumber);
  });
  input.addEventListener("change", () => {
    set(input.valueAsNumber);
  });
  const limit = (range: Pick<Range, "low" | "high">) => {
    input.min = String(range.low);
    input.max = String(range.high);
  };
  return { body: row(label, caption(label), [output, input]), show, limit };
}

/** A whole number that is typed, or thrown with dice. */
export function number(
  label: Label,
  { low, high }: Range,
  set: (value: number) => void,
): Widget<number> {
  const input = element("input", {
    type: "number",
    inputmode: "numeric",
    min: low,
    max: high,
    step: 1,
    id: idOf(label),
  });
  const dice = element(
    "button",
    { type: "button", class: "button button--icon", "aria-label": `Random ${label.title}` },
    icon("dice"),
  );
  const show = (value: number) => {
    input.value = String(value);
  };
  input.addEventListener("change", () => {
    if (input.reportValidity() && input.value !== "") set(input.valueAsNumber);
  });
  dice.addEventListener("click", () => {
    const value = low + Math.floor(Math.random() * Math.min(DICE_SIDES, high - low));
    show(value);
    set(value);
  });
  const pair = element("div", { class: "field__pair" }, input, dice);
  return { body: row(label, caption(label), [undefined, pair]), show };
}

const idOf = ({ name }: Label): string => `set-${name}`;

const caption = (label: Label): HTMLElement => element("label", { for: idOf(label) }, label.title);

function row(
  { hint }: Label,
  name: HTMLElement,
  [value, control]: readonly [HTMLElement | undefined, HTMLElement],
): HTMLElement {
  const head = element("div", { class: "field__head" }, name);
  if (value) head.append(value);
  return element("div", { class: "field", title: hint || undefined }, head, control);
}
