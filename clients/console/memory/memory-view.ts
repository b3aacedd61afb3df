import type { CacheStats } from "../../web/index.ts";
import { element } from "../element.ts";
import { bytes, count, type Reading } from "../format.ts";
import { AgeChart } from "./age-chart.ts";
import { KIND_WORDS, SLOT_KINDS, type SlotKind, slotsByKind } from "./kinds.ts";

/** One figure under the charts. */
interface Figure {
  readonly label: string;
  readonly hint: string;
  readonly read: (stats: CacheStats) => Reading;
}

const percent = (share: number): Reading => ({
  value: (100 * share).toFixed(share < 0.1 ? 1 : 0),
  unit: "%",
});

const FIGURES: readonly Figure[] = [
  {
    label: "Tokens a slot",
    hint: "How many tokens a slot stands for, on average",
    read: ({ ratio }) => ({ value: ratio.toFixed(ratio < 10 ? 1 : 0), unit: "×" }),
  },
  {
    label: "Recall",
    hint: "Share of all tokens there ever were that some slot still stands for",
    read: ({ recall }) => percent(recall),
  },
  {
    label: "Error",
    hint: "How far values lie from the slots that stand for them",
    read: ({ error }) => percent(error),
  },
];

/** What a cache holds: its size, its slots by kind and by age, and how much of the past that is. */
export class MemoryView {
  readonly root = element("section", { class: "memory", "aria-label": "Memory" });
  readonly #size = element("span", { class: "gauge__value" }, "–");
  readonly #unit = element("span", { class: "gauge__unit" });
  readonly #slots = element("span", { class: "memory__slots" });
  readonly #shares = new Map<
    SlotKind,
    { readonly bar: HTMLElement; readonly entry: HTMLElement }
  >();
  readonly #ages = new AgeChart();
  readonly #figures = FIGURES.map((figure) => ({
    figure,
    value: element("span", { class: "memory__value" }, "–"),
    unit: element("span", { class: "gauge__unit" }),
  }));

  constructor() {
    const meter = element("div", { class: "memory__meter", "aria-hidden": true });
    const legend = element("ul", { class: "memory__legend" });
    for (const kind of SLOT_KINDS) {
      const { name, hint } = KIND_WORDS[kind];
      const bar = element("i", { class: "slot", "data-kind": kind });
      const dot = element("i", { class: "slot", "data-kind": kind, "aria-hidden": true });
      const entry = element("li", { title: hint, hidden: true }, dot, name, element("b"));
      this.#shares.set(kind, { bar, entry });
      meter.append(bar);
      legend.append(entry);
    }
    const reading = element("p", { class: "gauge__reading" }, this.#size, this.#unit);
    const head = element("div", { class: "memory__head" }, reading, this.#slots);
    this.root.append(head, meter, legend, this.#ages.root, this.#figureList());
  }

  show(stats: CacheStats): void {
    const { value, unit } = bytes(stats.bytes);
    this.#size.textContent = value;
    this.#unit.textContent = unit;
    this.#slots.textContent = `${count(stats.slots)} of ${count(stats.capacity)} slots`;
    const sums = slotsByKind(stats.ages);
    for (const [kind, { bar, entry }] of this.#shares) {
      bar.style.width = `${(100 * sums[kind]) / Math.max(1, stats.capacity)}%`;
      entry.hidden = sums[kind] === 0;
      bar.hidden = entry.hidden;
      const number = entry.querySelector("b");
      if (number) number.textContent = count(sums[kind]);
    }
    this.#ages.show(stats.ages);
    for (const shown of this.#figures) {
      const reading = shown.figure.read(stats);
      shown.value.textContent = reading.value;
      shown.unit.textContent = reading.unit;
    }
  }

  #figureList(): HTMLElement {
    const rows = this.#figures.map(({ figure, value, unit }) =>
      element(
        "div",
        { class: "memory__figure", title: figure.hint },
        element("dt", {}, figure.label),
        element("dd", {}, value, unit),
      ),
    );
    return element("dl", { class: "memory__figures" }, ...rows);
  }
}
