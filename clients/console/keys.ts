import type { Control, ControlValues } from "../../src/core/controls.ts";
import { element } from "./element.ts";
import { icon } from "./icons.ts";
import { bindingsOf, keyCap } from "./input/bindings.ts";
import type { Mixer } from "./input/mixer.ts";

/** Keys shown for one control; more would be noise. */
const SHOWN_KEYS = 2;

/** What plays the model: its keys, lit while held (a press with the mouse works too), and a gamepad. */
export class Keys {
  readonly root = element("ul", { class: "keys", "aria-label": "Keys" });
  readonly #gamepad = element(
    "li",
    { class: "key key--gamepad" },
    icon("gamepad"),
    element("span", { class: "sr-only" }, "A gamepad works too"),
  );
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
      if (mouse !== undefined)
        item.title = "Click the picture to steer with the mouse, Escape lets go";
      if (control.kind === "button") pressable(item, control.name, mixer);
      this.#items.set(control.name, item);
      this.root.append(item);
    }
    if (controls.some((control) => (bindingsOf(control).gamepad ?? []).length > 0)) {
      this.showGamepad(false);
      this.root.append(this.#gamepad);
    }
  }

  /** A gamepad is there, or not. */
  showGamepad(connected: boolean): void {
    this.#gamepad.classList.toggle("is-connected", connected);
    this.#gamepad.title = connected
      ? "The gamepad plays"
      : "A gamepad works too: connect it and press a button";
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
