import { element, setAttributes } from "./element.ts";
import { type IconName, icon } from "./icons.ts";

/** What the buttons do. */
export interface DeckActions {
  readonly togglePause: () => void;
  readonly step: () => void;
  readonly reset: () => void;
  readonly toggleRecording: () => void;
  readonly toggleFullScreen: () => void;
}

/** What the buttons show. */
export interface DeckState {
  readonly paused: boolean;
  readonly recording: boolean;
  readonly enabled: boolean;
}

/** Keys of the deck, unless the model plays with them. */
const SHORTCUTS: Readonly<Record<string, keyof DeckActions>> = {
  KeyP: "togglePause",
  Period: "step",
  KeyR: "reset",
  KeyF: "toggleFullScreen",
};

/** The buttons under the picture: pause, step, reset, record, full screen. */
export class Deck {
  readonly root = element("div", { class: "deck", role: "toolbar", "aria-label": "Session" });
  readonly #pause = button("pause", "Pause", "P");
  readonly #step = button("step", "One block", ".");
  readonly #reset = button("reset", "Start over", "R");
  readonly #record = button("record", "Record");
  readonly #expand = button("expand", "Full screen", "F");

  constructor(actions: DeckActions, taken: ReadonlySet<string>, signal: AbortSignal) {
    this.root.append(this.#pause, this.#step, this.#reset, this.#record, this.#expand);
    this.#expand.hidden = !document.fullscreenEnabled;
    this.#pause.addEventListener("click", actions.togglePause);
    this.#step.addEventListener("click", actions.step);
    this.#reset.addEventListener("click", actions.reset);
    this.#record.addEventListener("click", actions.toggleRecording);
    this.#expand.addEventListener("click", actions.toggleFullScreen);
    addEventListener(
      "keydown",
      (event) => {
        const name = SHORTCUTS[event.code];
        const typing = event.target instanceof HTMLInputElement && event.target.type === "number";
        if (name === undefined || taken.has(event.code) || typing) return;
        if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
        actions[name]();
      },
      { signal },
    );
  }

  show({ paused, recording, enabled }: DeckState): void {
    relabel(this.#pause, paused ? "play" : "pause", paused ? "Resume" : "Pause");
    this.#pause.classList.toggle("is-on", paused);
    relabel(this.#record, "record", recording ? "Stop recording" : "Record");
    this.#record.classList.toggle("is-recording", recording);
    for (const each of [this.#pause, this.#reset, this.#record]) each.disabled = !enabled;
    this.#step.disabled = !enabled || !paused;
  }

  /** The picture fills the screen, or does so no longer. */
  showFullScreen(full: boolean): void {
    relabel(this.#expand, full ? "shrink" : "expand", full ? "Leave full screen" : "Full screen");
  }
}

function button(name: IconName, label: string, key?: string): HTMLButtonElement {
  return element(
    "button",
    {
      type: "button",
      class: "button button--icon",
      "aria-label": label,
      title: titleOf(label, key),
      "data-key": key,
    },
    icon(name),
  );
}

const titleOf = (label: string, key: string | undefined): string =>
  key === undefined ? label : `${label} (${key})`;

function relabel(node: HTMLButtonElement, name: IconName, label: string): void {
  if (node.ariaLabel === label) return;
  setAttributes(node, { "aria-label": label, title: titleOf(label, node.dataset["key"]) });
  node.querySelector("svg")?.replaceWith(icon(name));
}
