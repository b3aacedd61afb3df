import type { LiveParameterChange, LiveParameters } from "../web/index.ts";
import { element } from "./element.ts";
import type { Field } from "./fields.ts";
import { quantity } from "./format.ts";
import { icon } from "./icons.ts";

/** Seeds the dice throw: short enough to remember. */
const DICE_SIDES = 10_000;

/** Sets a parameter; rejects when the server refuses, and the form goes back. */
export type Update = (change: LiveParameterChange) => Promise<void>;

/** The settings of a session, made from its schema; follows what the server says they are. */
export class Settings {
  readonly root = element("form", { class: "settings", "aria-label": "Settings" });
  readonly #shows = new Map<string, (value: number) => void>();
  #parameters: LiveParameters;

  constructor(fields: readonly Field[], parameters: LiveParameters, update: Update) {
    this.#parameters = parameters;
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
    });
    for (const field of fields) {
      const { body, show } = widget(field, (value) => {
        void update({ [field.name]: value }).catch(() => {
          this.show(this.#parameters);
        });
      });
      this.#shows.set(field.name, show);
      this.root.append(body);
    }
    this.show(parameters);
  }

  show(parameters: LiveParameters): void {
    this.#parameters = parameters;
    for (const [name, value] of Object.entries(parameters)) this.#shows.get(name)?.(value);
  }
}

interface Widget {
  readonly body: HTMLElement;
  readonly show: (value: number) => void;
}

function widget(field: Field, set: (value: number) => void): Widget {
  switch (field.kind) {
    case "choices":
      return choices(field, field.options, set);
    case "slider":
      return slider(field, field, set);
    case "number":
      return number(field, field, set);
  }
}

function choices(field: Field, options: readonly number[], set: (value: number) => void): Widget {
  const inputs = options.map((option) =>
    element("input", { type: "radio", name: field.name, value: option, class: "sr-only" }),
  );
  const group = element(
    "div",
    { class: "choices", role: "radiogroup", "aria-label": field.title },
    ...inputs.map((input) => element("label", { class: "choices__option" }, input, input.value)),
  );
  group.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement) set(Number(target.value));
  });
  return {
    body: row(field, group, element("span", { class: "field__value" }, field.unit)),
    show: (value) => {
      for (const input of inputs) input.checked = Number(input.value) === value;
    },
  };
}

function slider(field: Field, range: Range, set: (value: number) => void): Widget {
  const output = element("output", { class: "field__value" });
  const input = element("input", {
    type: "range",
    min: range.low,
    max: range.high,
    step: 1,
    id: `set-${field.name}`,
  });
  const show = (value: number) => {
    input.value = String(value);
    output.textContent = quantity(value, field.unit);
  };
  input.addEventListener("input", () => {
    show(input.valueAsNumber);
  });
  input.addEventListener("change", () => {
    set(input.valueAsNumber);
  });
  return { body: row(field, input, output), show };
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function number(field: Field, range: Range, set: (value: number) => void): Widget {
  const input = element("input", {
    type: "number",
    inputmode: "numeric",
    min: range.low,
    max: range.high,
    step: 1,
    id: `set-${field.name}`,
  });
  const dice = element(
    "button",
    { type: "button", class: "button button--icon", "aria-label": `Random ${field.title}` },
    icon("dice"),
  );
  const show = (value: number) => {
    input.value = String(value);
  };
  input.addEventListener("change", () => {
    if (input.reportValidity() && input.value !== "") set(input.valueAsNumber);
  });
  dice.addEventListener("click", () => {
    const value =
      range.low + Math.floor(Math.random() * Math.min(DICE_SIDES, range.high - range.low));
    show(value);
    set(value);
  });
  return { body: row(field, element("div", { class: "field__pair" }, input, dice)), show };
}

function row(field: Field, control: HTMLElement, output?: HTMLElement): HTMLElement {
  const id = `set-${field.name}`;
  const label =
    field.kind === "choices"
      ? element("span", {}, field.title)
      : element("label", { for: id }, field.title);
  const head = element("div", { class: "field__head" }, label);
  if (output) head.append(output);
  return element("div", { class: "field", title: field.hint }, head, control);
}
