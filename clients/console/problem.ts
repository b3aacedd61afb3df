import { element } from "./element.ts";
import type { Notice } from "./words.ts";

/** What can be done about a problem. */
export interface Remedy {
  readonly label: string;
  readonly act: () => void;
}

/** A box that says what is wrong and, where something can be done about it here, offers that. */
export function problemBox({ title, advice }: Notice, remedy?: Remedy): HTMLElement {
  const box = element(
    "div",
    { class: "problem", role: "alert" },
    element("h2", {}, title),
    element("p", {}, advice),
  );
  if (remedy === undefined) return box;
  const button = element(
    "button",
    { type: "button", class: "button button--strong" },
    remedy.label,
  );
  button.addEventListener("click", remedy.act);
  box.append(button);
  return box;
}
