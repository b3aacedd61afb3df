import type { ModelSummary } from "../web/index.ts";
import { element } from "./element.ts";

/** Choose where the world begins; undefined when there is nothing to choose. */
export function startChoice(
  model: ModelSummary,
  choose: (start: string) => void,
): HTMLElement | undefined {
  if (model.starts.length < 2) return undefined;
  const select = element(
    "select",
    { class: "select", "aria-label": "Start" },
    ...model.starts.map(({ id, title }) => element("option", { value: id }, title)),
  );
  select.addEventListener("change", () => {
    choose(select.value);
    select.blur();
  });
  return element("label", { class: "starts" }, element("span", {}, "Start"), select);
}
