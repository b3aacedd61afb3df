import { type ModelSummary, startAddress } from "../web/index.ts";
import { element } from "./element.ts";

/** More starts than these are chosen from a list. */
const MOST_PICTURES = 6;

/** Choose where the world begins, by its first picture; undefined when there is nothing to choose. */
export function startChoice(
  model: ModelSummary,
  choose: (start: string) => void,
): HTMLElement | undefined {
  if (model.starts.length < 2) return undefined;
  return model.starts.length > MOST_PICTURES ? list(model, choose) : pictures(model, choose);
}

function pictures(model: ModelSummary, choose: (start: string) => void): HTMLElement {
  const group = element("div", { class: "starts", role: "group", "aria-label": "Start from" });
  for (const { id, title } of model.starts) {
    const { href } = startAddress(model, id);
    const picture = element("img", { src: href, alt: title, width: 42, height: 42 });
    const button = element(
      "button",
      { class: "starts__picture", type: "button", title: `Start from ${title}` },
      picture,
    );
    button.addEventListener("click", () => {
      choose(id);
    });
    group.append(button);
  }
  return group;
}

function list(model: ModelSummary, choose: (start: string) => void): HTMLElement {
  const select = element(
    "select",
    { class: "select", "aria-label": "Start from" },
    ...model.starts.map(({ id, title }) => element("option", { value: id }, title)),
  );
  select.addEventListener("change", () => {
    choose(select.value);
    select.blur();
  });
  return select;
}
