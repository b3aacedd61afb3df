import type { LiveParameterChange, LiveParameters } from "../web/index.ts";
import { element } from "./element.ts";
import type { Field } from "./fields.ts";
import { choices, number, slider, type Widget } from "./widgets.ts";

/** Sets a parameter; rejects when the server refuses, and the form goes back. */
export type Update = (change: LiveParameterChange) => Promise<void>;

/** What a setting can be. */
type Setting = number | string;

/** The settings of a session, made from its schema; follows what the server says they are. */
export class Settings {
  readonly root = element("form", { class: "settings", "aria-label": "Settings" });
  readonly #shows = new Map<string, (value: Setting) => void>();
  #parameters: LiveParameters;

  constructor(fields: readonly Field[], parameters: LiveParameters, update: Update) {
    this.#parameters = parameters;
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
    });
    for (const field of fields) {
      const { body, show } = widgetOf(field, (value) => {
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

/** The widget of a field; `nameOf` is what its choices are called, where not as they are. */
export function widgetOf(
  field: Field,
  set: (value: Setting) => void,
  nameOf?: (value: Setting) => string,
): Widget<Setting> {
  switch (field.kind) {
    case "choices":
      return choices(field, field.options, set, nameOf);
    case "slider":
      return ofNumbers(slider(field, field, set));
    case "number":
      return ofNumbers(number(field, field, set));
  }
}

const ofNumbers = ({ body, show }: Widget<number>): Widget<Setting> => ({
  body,
  show: (value) => {
    show(Number(value));
  },
});
