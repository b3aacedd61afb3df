import { element, setAttributes } from "./element.ts";
import { type IconName, icon } from "./icons.ts";

/** What the buttons do. A button whose action is absent is not there. */
export interface DeckActions {
  readonly togglePause?: () => void;
  readonly step?: () => void;
  readonly reset?: () => void;
  readonly toggleRecording?: () => void;
  readonly share?: () => void;
  readonly toggleSound: () => void;
  readonly toggleFullScreen: () => void;
}

/** How the sound is: there is none, or it is heard, muted, or held back until somebody touches the page. */
export type SoundState = "none" | "on" | "muted" | "locked";

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
  KeyM: "toggleSound",
  KeyF: "toggleFullScreen",
};

const SOUND_LABELS: Readonly<Record<SoundState, string>> = {
  none: "Mute",
  on: "Mute",
  muted: "Sound on",
  locked: "Sound on",
};

/** The buttons under the picture: pause, step, reset, record, share, sound, full screen. */
export class Deck {
  readonly root = element("div", { class: "deck", role: "toolbar", "aria-label": "Session" });
  readonly #pause = button("pause", "Pause", "P");
  readonly #step = button("step", "One block", ".");
  readonly #reset = button("reset", "Start over", "R");
  readonly #record = button("record", "Record");
  readonly #share = button("share", "Share: copy a link for watching");
  readonly #sound = button("sound", "Mute", "M");
  readonly #expand = button("expand", "Full screen", "F");

  constructor(actions: DeckActions, taken: ReadonlySet<string>, signal: AbortSignal) {
    const buttons = [
      [this.#pause, actions.togglePause],
      [this.#step, actions.step],
      [this.#reset, actions.reset],
      [this.#record, actions.toggleRecording],
      [this.#share, actions.share],
      [this.#sound, actions.toggleSound],
      [this.#expand, actions.toggleFullScreen],
    ] as const;
    for (const [node, action] of buttons) {
      if (action === undefined) continue;
      node.addEventListener("click", action);
      this.root.append(node);
    }
    this.#expand.hidden = !document.fullscreenEnabled;
    this.showSound("none");
    addEventListener(
      "keydown",
      (event) => {
        const name = SHORTCUTS[event.code];
        const typing = event.target instanceof HTMLInputElement && event.target.type === "number";
        if (name === undefined || taken.has(event.code) || typing) return;
        if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
        actions[name]?.();
      },
      { signal },
    );
  }

  show({ paused, recording, enabled }: DeckState): void {
    relabel(this.#pause, paused ? "play" : "pause", paused ? "Resume" : "Pause");
    this.#pause.classList.toggle("is-on", paused);
    relabel(this.#record, "record", recording ? "Stop recording" : "Record");
    this.#record.classList.toggle("is-recording", recording);
    for (const each of [this.#pause, this.#reset, this.#record, this.#share]) {
      each.disabled = !enabled;
    }
    this.#step.disabled = !enabled || !paused;
  }

  showSound(sound: SoundState): void {
    this.#sound.hidden = sound === "none";
    relabel(this.#sound, sound === "on" ? "sound" : "muted", SOUND_LABELS[sound]);
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
