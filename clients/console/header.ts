import { element } from "./element.ts";
import { icon } from "./icons.ts";
import type { Signal } from "./signal.ts";
import type { Status } from "./status.ts";

/** The mark and the name, as a link to the models. */
export const brand = (): HTMLElement =>
  element("a", { class: "brand", href: "#/" }, icon("drum"), element("span", {}, "Zoetrope"));

/** The line over a model that is played: the way back, its name, how it is, and the panel's button. */
export function headerBar(parts: {
  title: string;
  status: Status;
  signal: Signal;
  panel: HTMLElement;
}): HTMLElement {
  const toggle = element(
    "button",
    {
      type: "button",
      class: "button button--icon header__panel",
      "aria-label": "Numbers and settings",
      "aria-expanded": false,
    },
    icon("sliders"),
  );
  toggle.setAttribute("aria-expanded", "false");
  toggle.addEventListener("click", () => {
    const open = parts.panel.classList.toggle("panel--open");
    toggle.setAttribute("aria-expanded", String(open));
    toggle.replaceChildren(icon(open ? "close" : "sliders"));
  });
  return element(
    "header",
    { class: "header" },
    brand(),
    element("span", { class: "header__slash", "aria-hidden": true }, "/"),
    element("h1", { class: "header__title" }, parts.title),
    parts.status.root,
    parts.signal.root,
    toggle,
  );
}
