import type {
  CachePolicyName,
  CacheSettings,
  CacheSettingsChange,
  CacheStorageName,
  ModelSummary,
  ParametersSchema,
} from "../../web/index.ts";
import { element } from "../element.ts";
import { type Field, fieldOf } from "../fields.ts";
import { widgetOf } from "../settings.ts";
import { menu, type Slider, slider, type Widget } from "../widgets.ts";
import { POLICY_WORDS, STORAGE_WORDS } from "./kinds.ts";
import { hasMemory, memoryRoom, withRoom } from "./room.ts";

/** What the form asks of a cache; each rejects when it is refused. */
export interface MemoryActions {
  readonly configure: (change: CacheSettingsChange) => Promise<void>;
  readonly reset: (what: { readonly keepSinks: boolean }) => Promise<void>;
}

/** What a setting can be. */
type Setting = number | string;
/** Settings that are left as the model has them. */
const NOT_SHOWN: ReadonlySet<string> = new Set(["match", "grouping"]);

interface Row {
  readonly name: keyof CacheSettings;
  readonly widget: Widget<Setting>;
  /** Policies that it has a meaning for; all when absent. */
  readonly policies: readonly string[] | undefined;
}

/** What a cache keeps, to be chosen: the policy, its sizes and its storage, and a button that empties it. */
export class MemoryForm {
  readonly root = element("form", { class: "settings", "aria-label": "Memory settings" });
  readonly #model: ModelSummary;
  readonly #actions: MemoryActions;
  readonly #rows: readonly Row[];
  readonly #does = element("p", { class: "memory__does" });
  readonly #keep = element("input", { type: "checkbox", checked: true });
  readonly #keepLabel = element("label", { class: "memory__keep" }, this.#keep, "Keep sinks");
  #memory: Slider | undefined;
  #settings: CacheSettings;

  constructor(
    model: ModelSummary,
    { properties }: ParametersSchema,
    settings: CacheSettings,
    actions: MemoryActions,
  ) {
    this.#model = model;
    this.#actions = actions;
    this.#settings = settings;
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
    });
    this.#rows = Object.entries(properties).flatMap(([name, schema]) => {
      const field = fieldOf(name, schema);
      if (NOT_SHOWN.has(name) || !isChoice(field)) return [];
      return [
        { name: name as keyof CacheSettings, widget: this.#widget(field), policies: schema.for },
      ];
    });
    for (const { name, widget } of this.#rows) {
      this.root.append(widget.body);
      if (name === "policy") widget.body.append(this.#does);
    }
    this.root.append(this.#resetRow());
    this.show(settings);
  }

  /** Show what is in force. */
  show(settings: CacheSettings): void {
    this.#settings = settings;
    this.#does.textContent = POLICY_WORDS[settings.policy].does;
    this.#keepLabel.hidden = settings.sink_frames === 0;
    if (hasMemory(settings)) this.#memory?.limit(memoryRoom(settings, this.#model.cache));
    for (const { name, widget, policies } of this.#rows) {
      widget.body.hidden = policies !== undefined && !policies.includes(settings.policy);
      widget.show(settings[name]);
    }
  }

  #widget(field: Field): Widget<Setting> {
    const set = (value: Setting) => {
      this.#set({ [field.name]: value });
    };
    const label = { ...field, name: `cache-${field.name}` };
    if (field.name === "policy" && field.kind !== "slider" && field.kind !== "number") {
      return menu(label, field.options, set, (name) => POLICY_WORDS[name as CachePolicyName].name);
    }
    if (field.name === "memory_slots" && field.kind === "slider") {
      this.#memory = slider(label, field, set);
      return this.#memory as Widget<Setting>;
    }
    const nameOf =
      field.name === "storage"
        ? (name: Setting) => STORAGE_WORDS[name as CacheStorageName]
        : undefined;
    return widgetOf(label, set, nameOf);
  }

  #set(wanted: CacheSettingsChange): void {
    const { cache, frames_per_block } = this.#model;
    const change = withRoom(wanted, this.#settings, cache, frames_per_block);
    this.#ask(this.#actions.configure(change));
  }

  #resetRow(): HTMLElement {
    const button = element("button", { type: "button", class: "button" }, "Empty the memory");
    button.title = "The picture goes on from the newest block";
    button.addEventListener("click", () => {
      const keepSinks = this.#settings.sink_frames > 0 && this.#keep.checked;
      this.#ask(this.#actions.reset({ keepSinks }));
    });
    return element("div", { class: "memory__reset" }, button, this.#keepLabel);
  }

  /** What is refused leaves the form as it was. */
  #ask(request: Promise<void>): void {
    request.catch(() => {
      this.show(this.#settings);
    });
  }
}

const isChoice = (field: Field): boolean =>
  field.kind === "slider" || field.kind === "number"
    ? field.high > field.low
    : field.options.length > 1;
