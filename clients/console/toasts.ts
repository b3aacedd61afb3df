import { element } from "./element.ts";
import type { Notice } from "./words.ts";

/** How long a message stays. */
const SHOWN_MS = 5_000;

/** Short messages in a corner, one after the other, read out by assistive technology. */
export class Toasts {
  readonly root = element("div", { class: "toasts", role: "status", "aria-live": "polite" });

  show({ title, advice }: Notice): void {
    const toast = element(
      "div",
      { class: "toast" },
      element("strong", {}, title),
      element("span", {}, advice),
    );
    this.root.append(toast);
    setTimeout(() => {
      toast.remove();
    }, SHOWN_MS);
  }
}
