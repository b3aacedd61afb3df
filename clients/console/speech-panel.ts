import type { Microphone, Session } from "../web/index.ts";
import { element } from "./element.ts";

/** What a microphone is asked for: a voice, and not what the loudspeaker plays. */
const VOICE = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
const IMAGES = "image/png,image/jpeg,image/webp";
/** As many as the server takes in one text. */
const MOST_CHARACTERS = 2_000;

/**
 * The part of the panel with which one speaks to a model that hears: a text to say, the microphone, a face.
 *
 * Lifetime: until `signal` aborts, the session's.
 */
export class SpeechPanel {
  readonly root = element("div", { class: "speech-panel" });
  readonly #session: Session;
  readonly #refused: (cause: unknown) => void;
  readonly #text = element("textarea", {
    class: "speech-panel__text",
    rows: 2,
    maxlength: MOST_CHARACTERS,
    placeholder: "Type what it should say",
    "aria-label": "Text to say",
  });
  readonly #talk = button("Talk", "Let it hear your microphone");
  readonly #state = element("output", { class: "speech-panel__state" }, "Silent");
  /** Utterances that are being heard. */
  readonly #heard = new Set<string>();
  #stream: MediaStream | undefined;
  #microphone: Microphone | undefined;

  constructor(session: Session, refused: (cause: unknown) => void, signal: AbortSignal) {
    this.#session = session;
    this.#refused = refused;
    const say = button("Say it", "Say the text");
    const stop = button("Hush", "Stop what it is saying");
    say.addEventListener("click", () => this.#say());
    stop.addEventListener("click", () => this.#ask(session.speech.clear()));
    this.#talk.addEventListener("click", () => this.#ask(this.#toggleMicrophone()));
    this.#text.addEventListener("keydown", (event) => {
      // The keys of a text are not those of the controls.
      event.stopPropagation();
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      this.#say();
    });
    session.on("speech", (event) => {
      if (event.type === "speech.started") this.#heard.add(event.utterance);
      if (event.type === "speech.finished") this.#heard.delete(event.utterance);
      this.#state.textContent = this.#heard.size > 0 ? "Speaking" : "Silent";
    });
    signal.addEventListener("abort", () => this.#hangUp());
    const buttons = element("div", { class: "speech-panel__row" }, say, stop, this.#talk);
    this.root.append(this.#text, buttons, this.#faces(), this.#state);
  }

  #say(): void {
    const text = this.#text.value.trim();
    if (text === "") return;
    this.#text.value = "";
    this.#ask(this.#session.speech.say(text));
  }

  #faces(): HTMLElement {
    const file = element("input", { type: "file", accept: IMAGES, class: "sr-only" });
    const label = element("label", { class: "button" }, "Bring a face", file);
    file.addEventListener("change", () => {
      const [image] = file.files ?? [];
      file.value = "";
      if (image !== undefined) this.#ask(this.#session.image.set(image));
    });
    const none = button("Its own face", "Begin again from the model's first start");
    none.addEventListener("click", () => this.#ask(this.#session.image.clear()));
    return element("div", { class: "speech-panel__row" }, label, none);
  }

  async #toggleMicrophone(): Promise<void> {
    if (this.#stream !== undefined) {
      this.#hangUp();
      return;
    }
    this.#stream = await navigator.mediaDevices.getUserMedia(VOICE);
    this.#show();
    try {
      this.#microphone = await this.#session.speech.microphone(this.#stream);
    } catch (cause) {
      this.#hangUp();
      throw cause;
    }
  }

  #hangUp(): void {
    this.#microphone?.stop();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#microphone = undefined;
    this.#stream = undefined;
    this.#show();
  }

  #show(): void {
    const isOn = this.#stream !== undefined;
    this.#talk.textContent = isOn ? "Stop talking" : "Talk";
    this.#talk.setAttribute("aria-pressed", String(isOn));
  }

  #ask(request: Promise<unknown>): void {
    request.catch(this.#refused);
  }
}

function button(text: string, title: string): HTMLButtonElement {
  return element("button", { type: "button", class: "button", title }, text);
}
