import type { Quality } from "../web/index.ts";
import { element } from "./element.ts";
import { describeQuality } from "./words.ts";

/** Three bars in the header that say how good the connection is. */
export class Signal {
  readonly root = element(
    "span",
    { class: "signal", role: "img", "aria-label": "Connection" },
    ...Array.from({ length: 3 }, () => element("span", { class: "signal__bar" })),
  );

  show(quality: Quality): void {
    const said = `Connection: ${describeQuality(quality).toLowerCase()}`;
    if (this.root.title === said) return;
    this.root.dataset["grade"] = quality.grade;
    this.root.title = said;
    this.root.setAttribute("aria-label", said);
  }
}
