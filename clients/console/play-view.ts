import { type StreamError, toStreamError } from "../../src/core/errors.ts";
import {
  cacheSchema,
  connect,
  type ModelSummary,
  parametersSchema,
  type Session,
} from "../web/index.ts";
import { ConnectionPanel } from "./connection.ts";
import { showCover } from "./cover.ts";
import { Deck } from "./deck.ts";
import { element, type View } from "./element.ts";
import { fieldsOf } from "./fields.ts";
import { returnFocus } from "./focus.ts";
import { toggleFullScreen } from "./full-screen.ts";
import { headerBar } from "./header.ts";
import { keyActions } from "./input/bindings.ts";
import { Mixer } from "./input/mixer.ts";
import { Keys } from "./keys.ts";
import { MemoryPanel } from "./memory/memory-panel.ts";
import { Numbers } from "./numbers.ts";
import { Player } from "./player.ts";
import { keepPreferences, keptHere, type Preferences, readPreferences } from "./preferences.ts";
import { scripts } from "./scripts.ts";
import { Settings } from "./settings.ts";
import { Signal } from "./signal.ts";
import { SpeechPanel } from "./speech-panel.ts";
import { Stage } from "./stage.ts";
import { startChoice } from "./starts.ts";
import { Status } from "./status.ts";
import { steering } from "./steering.ts";
import { Toasts } from "./toasts.ts";
import { touchPad } from "./touch-pad.ts";
import { mediaWishes } from "./wishes.ts";
import { describeError } from "./words.ts";

/** The screen on which a model is played. `again` builds it anew, with a new session. */
export const playView = (model: ModelSummary, again: () => void): View =>
  new PlayView(model, again);

class PlayView implements View {
  readonly root: HTMLElement;
  readonly #model: ModelSummary;
  readonly #again: () => void;
  readonly #end = new AbortController();
  readonly #status = new Status();
  readonly #toasts = new Toasts();
  readonly #numbers = new Numbers("picture");
  readonly #signal = new Signal();
  readonly #connection: ConnectionPanel;
  readonly #connectionTitle = heading("Connection");
  readonly #preferences: Preferences;
  readonly #panel: HTMLElement;
  readonly #stage: Stage;
  readonly #deck: Deck;
  readonly #keys: Keys;
  readonly #mixer: Mixer;
  #player: Player | undefined;

  constructor(model: ModelSummary, again: () => void) {
    this.#model = model;
    this.#again = again;
    const { controls, speech, title, video } = model;
    // A voice must agree with its mouth.
    const delay = speech === null ? "low" : "default";
    this.#preferences = readPreferences(location.search, keptHere(), delay);
    this.#stage = new Stage(title, video);
    this.#mixer = new Mixer(
      controls,
      (name, value) => this.#player?.session.controls.set(name, value),
      (values) => {
        this.#keys.show(values, controls);
      },
    );
    this.#keys = new Keys(controls, this.#mixer);
    this.#deck = new Deck(
      this.#deckActions(),
      new Set(keyActions(controls).keys()),
      this.#end.signal,
    );
    this.#deck.show({ paused: false, recording: false, enabled: false });
    this.#panel = element("aside", { class: "panel", "aria-label": "Numbers and settings" });
    this.#panel.append(heading("Live"), this.#numbers.root);
    const steers = steering(controls, this.#mixer);
    if (steers) this.#panel.append(heading("Steering"), steers);
    this.#connection = new ConnectionPanel(this.#preferences, (choice) => {
      keepPreferences(choice, keptHere());
      this.#player?.session.use(choice);
    });
    this.#panel.append(this.#connectionTitle, this.#connection.root);
    this.root = this.#layOut();
    returnFocus(this.root, this.#stage.picture, this.#end.signal);
    void this.#open();
  }

  readonly dispose = () => {
    this.#end.abort();
    this.#player?.stop();
    this.#stage.dispose();
    this.#numbers.dispose();
    this.#connection.dispose();
  };

  #layOut(): HTMLElement {
    const header = headerBar({
      title: this.#model.title,
      status: this.#status,
      signal: this.#signal,
      panel: this.#panel,
    });
    const start = startChoice(this.#model, (id) => this.#player?.startFrom(id));
    const row = element("div", { class: "row" }, this.#deck.root);
    if (start) row.append(start);
    row.append(this.#keys.root);
    const pad = touchPad(this.#model.controls, this.#mixer);
    const main = element("main", { class: "play" }, this.#stage.root, row, pad);
    document.addEventListener(
      "fullscreenchange",
      () => {
        this.#deck.showFullScreen(document.fullscreenElement === main);
      },
      { signal: this.#end.signal },
    );
    return element("div", { class: "screen" }, header, main, this.#panel, this.#toasts.root);
  }

  #deckActions() {
    return {
      togglePause: () => this.#player?.togglePause(),
      step: () => this.#player?.step(),
      reset: () => this.#player?.reset(),
      toggleRecording: () => this.#player?.toggleRecording(),
      share: () => this.#player?.share(),
      toggleSound: () => this.#player?.toggleSound(),
      toggleFullScreen: () => {
        toggleFullScreen(this.#stage.root.closest("main"));
      },
    };
  }

  async #open(): Promise<void> {
    const { cover, picture } = this.#stage;
    showCover(
      cover,
      { title: "Opening the session", advice: "The model makes its first picture." },
      { busy: true },
    );
    try {
      const session = await connect({
        model: this.#model.id,
        canvas: picture,
        signal: this.#end.signal,
        media: mediaWishes(location.search),
        ...this.#preferences,
        ...scripts(),
      });
      if (this.#end.signal.aborted) session.stop();
      else await this.#play(session);
    } catch (cause) {
      this.#failed(toStreamError(cause));
    }
  }

  async #play(session: Session): Promise<void> {
    this.#player = new Player(session, {
      stage: this.#stage,
      deck: this.#deck,
      status: this.#status,
      numbers: this.#numbers,
      connection: this.#connection,
      signal: this.#signal,
      toasts: this.#toasts,
      mixer: this.#mixer,
      keys: this.#keys,
      again: this.#again,
    });
    this.#stage.picture.focus({ preventScroll: true });
    const refused = (cause: unknown) => {
      this.#toasts.show(describeError(toStreamError(cause)));
    };
    if (this.#model.speech !== null) {
      const speech = new SpeechPanel(session, refused, this.#end.signal);
      this.#panel.prepend(heading("Speech"), speech.root);
    }
    const memory = new MemoryPanel(session);
    this.#numbers.root.after(heading("Memory"), memory.root);
    const [schema, cache] = await Promise.all([
      parametersSchema(this.#model.id),
      cacheSchema(this.#model.id),
    ]);
    memory.offer(cache, refused);
    const settings = new Settings(fieldsOf(schema, this.#model), session.parameters, (change) =>
      session.update(change).catch((cause: unknown) => {
        refused(cause);
        throw cause;
      }),
    );
    session.on("parameters", (parameters) => {
      settings.show(parameters);
    });
    this.#connectionTitle.before(heading("Settings"), settings.root);
  }

  #failed(error: StreamError): void {
    if (this.#end.signal.aborted) return;
    this.#status.show({ kind: "closed", code: 0, lost: false }, "ended");
    showCover(this.#stage.cover, describeError(error), {
      action: { label: "Try again", run: this.#again },
    });
  }
}

const heading = (text: string): HTMLElement => element("h2", { class: "panel__title" }, text);
