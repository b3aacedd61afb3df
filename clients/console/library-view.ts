import { toStreamError } from "../../src/core/errors.ts";
import { coverAddress, listModels, type ModelSummary, startAddress } from "../web/index.ts";
import { element, type View } from "./element.ts";
import { brand } from "./header.ts";
import { problemBox } from "./problem.ts";
import { describeError, NO_MODELS } from "./words.ts";

/** The screen on which a model is picked. */
export function libraryView(): View {
  const end = new AbortController();
  const list = element("div", { class: "library__list", "aria-busy": "true" });
  const root = element(
    "div",
    { class: "library" },
    element("header", { class: "header" }, brand()),
    element(
      "main",
      { class: "library__main" },
      element("h1", { class: "library__title" }, "Worlds made while you play"),
      element(
        "p",
        { class: "library__lead" },
        "Every picture is generated on this server the moment before you see it, and follows your hands.",
      ),
      list,
    ),
  );
  void fill(list, end.signal);
  return {
    root,
    dispose: () => {
      end.abort();
    },
  };
}

async function fill(list: HTMLElement, signal: AbortSignal): Promise<void> {
  const content = await listModels().then(cards, (cause: unknown) => [
    problemBox(describeError(toStreamError(cause)), {
      label: "Try again",
      act: () => void fill(list, signal),
    }),
  ]);
  if (signal.aborted) return;
  list.setAttribute("aria-busy", "false");
  list.classList.toggle("library__list--single", content.length === 1);
  list.replaceChildren(...content);
}

const cards = (models: readonly ModelSummary[]): HTMLElement[] =>
  models.length > 0 ? models.map(card) : [problemBox(NO_MODELS)];

function card(model: ModelSummary): HTMLElement {
  const { width, height, frame_rate, scaling } = model.video;
  const [start] = model.starts;
  const address = coverAddress(model) ?? (start && startAddress(model, start.id));
  const cover = element("div", { class: `card__cover card__cover--${scaling}` });
  if (address) {
    cover.append(element("img", { src: address.href, alt: "", width, height, loading: "lazy" }));
  }
  const facts = [`${width} × ${height}`, `${frame_rate} fps`, model.licence];
  return element(
    "a",
    { class: "card", href: `#/play/${encodeURIComponent(model.id)}` },
    cover,
    element(
      "div",
      { class: "card__text" },
      element("h2", { class: "card__title" }, model.title),
      element("p", { class: "card__description" }, model.description),
      element("p", { class: "card__facts" }, ...facts.map((fact) => element("span", {}, fact))),
      element("span", { class: "button button--strong card__play" }, "Play"),
    ),
  );
}
