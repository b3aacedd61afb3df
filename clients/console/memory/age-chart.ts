import type { CacheAge } from "../../web/index.ts";
import { element } from "../element.ts";
import { count } from "../format.ts";
import { KIND_WORDS, SLOT_KINDS, type SlotKind } from "./kinds.ts";

/** Columns that are there from the beginning, so that the chart does not jump as a session grows old. */
const FEWEST_COLUMNS = 10;
const THOUSAND = 1024;

interface Column {
  readonly root: HTMLElement;
  readonly parts: ReadonlyMap<SlotKind, HTMLElement>;
}

/** Slots by age: one column for each band, the newest at the left, stacked by kind. */
export class AgeChart {
  readonly root = element("div", { class: "ages", role: "img" });
  readonly #columns: Column[] = [];
  readonly #bars = element("div", { class: "ages__bars" });
  readonly #scale = element("span");

  constructor() {
    const caption = element("p", { class: "ages__caption" }, "Slots by age in frames", this.#scale);
    this.root.append(caption, this.#bars);
    this.#grow(FEWEST_COLUMNS);
  }

  show(ages: readonly CacheAge[]): void {
    this.#grow(ages.length);
    const most = Math.max(1, ...ages.map(slotsOf));
    this.#scale.textContent = `most ${count(most)}`;
    for (const [i, { root, parts }] of this.#columns.entries()) {
      const band = ages[i];
      root.title = band === undefined ? "" : describe(band);
      for (const [kind, part] of parts) {
        part.style.height = `${(100 * (band?.[kind] ?? 0)) / most}%`;
      }
    }
    this.root.setAttribute("aria-label", `Slots by age. ${ages.map(describe).join(" ")}`);
  }

  #grow(columns: number): void {
    for (let i = this.#columns.length; i < columns; i++) {
      const parts = new Map(
        SLOT_KINDS.map((kind) => [kind, element("i", { class: "slot", "data-kind": kind })]),
      );
      const stack = element("div", { class: "ages__stack" }, ...parts.values());
      const label = element("span", { class: "ages__label" }, shortAge(2 ** i));
      const root = element("div", { class: "ages__column" }, stack, label);
      this.#columns.push({ root, parts });
      this.#bars.append(root);
    }
  }
}

const slotsOf = (band: CacheAge): number => SLOT_KINDS.reduce((sum, kind) => sum + band[kind], 0);

/** An age as a column has room for it. */
export const shortAge = (frames: number): string =>
  frames < THOUSAND ? String(frames) : `${frames / THOUSAND}k`;

/** A band in words: which frames, and how many slots of each kind. */
function describe(band: CacheAge): string {
  const from = Math.floor(band.age / 2) + 1;
  const span = from >= band.age ? String(band.age) : `${from} to ${band.age}`;
  const held = SLOT_KINDS.filter((kind) => band[kind] > 0).map(
    (kind) => `${count(band[kind])} ${KIND_WORDS[kind].name.toLowerCase()}`,
  );
  return `${span} frames old: ${held.join(", ") || "nothing"}.`;
}
