import type { Control } from "../../src/core/controls.ts";
import { element } from "./element.ts";
import { icon } from "./icons.ts";
import { type PadPlace, touchLayout } from "./input/bindings.ts";
import type { Mixer } from "./input/mixer.ts";

const PLACES: readonly PadPlace[] = ["up", "left", "right", "down"];

/** Buttons under the thumbs: a directional pad on the left, actions on the right. */
export function touchPad(controls: readonly Control[], mixer: Mixer): HTMLElement {
  const { pad, actions } = touchLayout(controls);
  const root = element("div", { class: "touch", role: "group", "aria-label": "Touch controls" });
  const directions = element("div", { class: "dpad" });
  for (const place of PLACES) {
    const control = pad[place];
    if (control !== undefined) directions.append(padButton(control, place));
  }
  directions.classList.toggle("dpad--flat", !pad.up && !pad.down);
  slideToPress(directions, mixer);
  const round = element("div", { class: "actions" });
  for (const control of actions) round.append(actionButton(control));
  slideToPress(round, mixer);
  if (directions.childElementCount > 0) root.append(directions);
  if (round.childElementCount > 0) root.append(round);
  return root;
}

const padButton = (control: Control, place: PadPlace): HTMLElement =>
  element(
    "button",
    {
      class: `dpad__key dpad__key--${place}`,
      type: "button",
      "data-control": control.name,
      "aria-label": control.title,
    },
    icon(place),
  );

const actionButton = (control: Control): HTMLElement =>
  element(
    "button",
    { class: "actions__key", type: "button", "data-control": control.name },
    control.title,
  );

/** A finger presses what is under it, and may slide from one button to the next without lifting. */
function slideToPress(group: HTMLElement, mixer: Mixer): void {
  const under = new Map<number, HTMLElement>();
  const press = (pointer: number, key: HTMLElement | undefined) => {
    const before = under.get(pointer);
    if (before === key) return;
    if (before) setPressed(before, mixer, pointer, false);
    if (key) setPressed(key, mixer, pointer, true);
    if (key) under.set(pointer, key);
    else under.delete(pointer);
  };
  const keyAt = ({ clientX, clientY }: PointerEvent): HTMLElement | undefined => {
    const key = document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>("[data-control]");
    return key && group.contains(key) ? key : undefined;
  };
  group.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    group.setPointerCapture(event.pointerId);
    press(event.pointerId, keyAt(event));
  });
  group.addEventListener("pointermove", (event) => {
    if (group.hasPointerCapture(event.pointerId)) press(event.pointerId, keyAt(event));
  });
  for (const type of ["pointerup", "pointercancel"] as const) {
    group.addEventListener(type, (event) => {
      press(event.pointerId, undefined);
    });
  }
  group.addEventListener("contextmenu", (event) => {
    event.preventDefault();
  });
}

function setPressed(key: HTMLElement, mixer: Mixer, pointer: number, down: boolean): void {
  const name = key.dataset["control"] ?? "";
  key.classList.toggle("is-pressed", down);
  if (down) mixer.hold(`finger ${pointer}`, name, 1);
  else mixer.letGo(`finger ${pointer}`, name);
}
