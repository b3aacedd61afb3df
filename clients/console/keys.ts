import type { Control, ControlValues } from "../../src/core/controls.ts";
import { element } from "./element.ts";
import { bindingsOf, keyCap } from "./input/bindings.ts";
import type { Mixer } from "./input/mixer.ts";

/** Keys shown for one control; more would be noise. */
const SHOWN_KEYS = 2;

/** The keys that play the model, lit while held; a press with the mouse works too. */
export class Keys {
  readonly root = element("ul", { class: "keys", "aria-label": "Keys" });
  readonly #items = new Map<string, HTMLElement>();

  constructor(controls: readonly Control[], mixer: Mixer) {
    for (const control of controls) {
      const codes = (bindingsOf(control).keyboard ?? []).slice(0, SHOWN_KEYS);
      const mouse = bindingsOf(control).mouse;
      const caps = codes.map((code) => element("kbd", {}, keyCap(code)));
      if (mouse !== undefined)
        caps.push(element("kbd", {}, mouse === "dx" ? "mouse ↔" : "mouse ↕"));
      if (caps.length === 0) continue;
      const item = element("li", { class: "key" }, ...caps, element("span", {}, control.title));
      if (control.kind === "button") pressable(item, control.name, mixer);
      this.#items.set(control.name, item);
      this.root.append(item);
    }
  }

  /** Light the controls that are away from rest. */
  show(values: ControlValues, controls: readonly Control[]): void {
    for (const control of controls) {
      const held = values[control.name] !== control.default;
      this.#items.get(control.name)?.classList.toggle("key--held", held);
    }
  }
}

function pressable(item: HTMLElement, name: string, mixer: Mixer): void {
  item.classList.add("key--pressable");
  item.addEventListener("pointerdown", (event) => {
    item.setPointerCapture(event.pointerId);
    mixer.hold("pointer", name, 1);
  });
  for (const type of ["pointerup", "pointercancel"] as const) {
    item.addEventListener(type, () => {
      mixer.letGo("pointer", name);
    });
  }
}
