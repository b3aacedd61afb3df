import type { SessionStats } from "../web/index.ts";
import { Chart } from "./chart.ts";
import { element } from "./element.ts";
import { bitrate, bytes, count, frameRate, milliseconds, type Reading } from "./format.ts";

/** One number of the panel: how to read it, what to plot, and a word beside it. */
interface Gauge {
  readonly label: string;
  readonly hint: string;
  readonly read: (stats: SessionStats) => Reading;
  readonly plot: (stats: SessionStats) => number | undefined;
  readonly detail: (stats: SessionStats) => string;
}

const text = ({ value, unit }: Reading): string => `${value} ${unit}`;

const GAUGES: readonly Gauge[] = [
  {
    label: "Input to picture",
    hint: "From pressing a key to seeing the first frame that was made with it",
    read: ({ inputToPicture }) => milliseconds(inputToPicture?.p50),
    plot: ({ inputToPicture }) => inputToPicture?.last,
    detail: ({ inputToPicture }) =>
      inputToPicture === undefined
        ? "press a key"
        : `95 % under ${text(milliseconds(inputToPicture.p95))}`,
  },
  {
    label: "Frame rate",
    hint: "Frames drawn in this window each second",
    read: ({ fps }) => frameRate(fps),
    plot: ({ fps }) => fps,
    detail: ({ server }) =>
      server === undefined ? "drawn" : `${text(frameRate(server.fps))} made`,
  },
  {
    label: "Frame interval",
    hint: "Between one frame drawn and the next",
    read: ({ frameInterval }) => milliseconds(frameInterval?.p50),
    plot: ({ frameInterval }) => frameInterval?.p99,
    detail: ({ frameInterval }) => `99 % under ${text(milliseconds(frameInterval?.p99))}`,
  },
  {
    label: "Block time",
    hint: "The server's time to make one block of frames",
    read: ({ server }) => milliseconds(server?.block_ms.p50),
    plot: ({ server }) => server?.block_ms.p50,
    detail: ({ server }) => `95 % under ${text(milliseconds(server?.block_ms.p95))}`,
  },
  {
    label: "Cache",
    hint: "What the model remembers of the past; it does not grow",
    read: ({ server }) => bytes(server?.cache.bytes),
    plot: ({ server }) => server?.cache.bytes,
    detail: ({ server }) =>
      server === undefined
        ? ""
        : `${count(server.cache.slots)} / ${count(server.cache.capacity)} slots`,
  },
  {
    label: "Bitrate",
    hint: "Received over the network",
    read: (stats) => bitrate(stats.bitrate),
    plot: (stats) => stats.bitrate,
    detail: ({ dropped }) => (dropped === 0 ? "no frame dropped" : `${count(dropped)} dropped`),
  },
];

/** Live numbers of a session, each with its last half minute. */
export class Numbers {
  readonly root = element("div", { class: "numbers" });
  readonly #cards = GAUGES.map((gauge) => new Card(gauge));

  constructor() {
    this.root.append(...this.#cards.map(({ root }) => root));
  }

  show(stats: SessionStats): void {
    for (const card of this.#cards) card.show(stats);
  }

  dispose(): void {
    for (const card of this.#cards) card.dispose();
  }
}

class Card {
  readonly root: HTMLElement;
  readonly #gauge: Gauge;
  readonly #value = element("span", { class: "gauge__value" }, "–");
  readonly #unit = element("span", { class: "gauge__unit" });
  readonly #detail = element("span", { class: "gauge__detail" });
  readonly #chart = new Chart();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
    this.root = element(
      "section",
      { class: "gauge", title: gauge.hint, "aria-label": gauge.label },
      element("h3", { class: "gauge__label" }, gauge.label),
      element("p", { class: "gauge__reading" }, this.#value, this.#unit),
      this.#detail,
      this.#chart.root,
    );
  }

  show(stats: SessionStats): void {
    const { value, unit } = this.#gauge.read(stats);
    this.#value.textContent = value;
    this.#unit.textContent = unit;
    this.#detail.textContent = this.#gauge.detail(stats);
    this.#chart.push(this.#gauge.plot(stats));
  }

  dispose(): void {
    this.#chart.dispose();
  }
}
