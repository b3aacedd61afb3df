import { element } from "./element.ts";
import type { Notice } from "./words.ts";

/** Something a person can do about a message. */
export interface Action {
  readonly label: string;
  readonly run: () => void;
}

/** Show a message over the picture; `busy` adds a turning ring. */
export function showCover(
  cover: HTMLElement,
  notice: Notice,
  { busy = false, action }: { busy?: boolean; action?: Action } = {},
): void {
  const parts: Node[] = [
    element("h2", { class: "cover__title" }, notice.title),
    element("p", { class: "cover__advice" }, notice.advice),
  ];
  if (busy) parts.unshift(element("span", { class: "ring", "aria-hidden": true }));
  if (action) {
    const button = element(
      "button",
      { class: "button button--strong", type: "button" },
      action.label,
    );
    button.addEventListener("click", action.run);
    parts.push(button);
  }
  cover.replaceChildren(...parts);
  cover.classList.add("cover--shown");
}

/** Let the picture be seen again. */
export function hideCover(cover: HTMLElement): void {
  cover.classList.remove("cover--shown");
  cover.replaceChildren();
}
