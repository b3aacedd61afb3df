/** The console: pick a model, play it, watch its numbers, or watch somebody play. Screens follow the address behind `#`. */

import { StreamError, toStreamError } from "../../src/core/errors.ts";
import { listModels, type ModelSummary } from "../web/index.ts";
import { element, type View } from "./element.ts";
import { brand } from "./header.ts";
import { libraryView } from "./library-view.ts";
import { playView } from "./play-view.ts";
import { problemBox } from "./problem.ts";
import { watchTarget } from "./watch-link.ts";
import { watchView } from "./watch-view.ts";
import { describeError } from "./words.ts";

const app = document.querySelector("#app") ?? document.body;
let view: View | undefined;

function show(next: View): void {
  view?.dispose();
  view = next;
  app.replaceChildren(next.root);
}

async function findModel(id: string): Promise<ModelSummary> {
  const model = (await listModels()).find((candidate) => candidate.id === id);
  if (model === undefined) throw new StreamError("unknown_model", `there is no model \`${id}\``);
  return model;
}

function problemView(error: StreamError): View {
  const remedy =
    error.code === "unknown_model"
      ? { label: "All worlds", act: () => location.assign("#/") }
      : { label: "Try again", act: () => void route() };
  const root = element(
    "div",
    { class: "library" },
    element("header", { class: "header" }, brand()),
    element("main", { class: "library__main" }, problemBox(describeError(error), remedy)),
  );
  return { root, dispose: () => undefined };
}

async function route(): Promise<void> {
  const watched = watchTarget(location.hash);
  if (watched !== undefined) {
    document.title = "Watching · Zoetrope";
    show(watchView(watched, () => void route()));
    return;
  }
  const id = /^#\/play\/([a-z0-9-]+)$/.exec(location.hash)?.[1];
  if (id === undefined) {
    document.title = "Zoetrope";
    show(libraryView());
    return;
  }
  const address = location.hash;
  const next = await findModel(id).then(
    (model) => () => {
      document.title = `${model.title} · Zoetrope`;
      return playView(model, () => void route());
    },
    (cause: unknown) => () => problemView(toStreamError(cause)),
  );
  if (location.hash === address) show(next());
}

addEventListener("hashchange", () => void route());
addEventListener("pagehide", () => view?.dispose());
void route();
