import type { SessionStats } from "../web/index.ts";
import { Chart } from "./chart.ts";
import { element } from "./element.ts";
import { bitrate, count, frameRate, milliseconds, quantity, type Reading } from "./format.ts";
import { transportName } from "./words.ts";

/** One number of the panel: how to read it, what to plot, and a word beside it. */
interface Gauge {
  readonly label: string;
  readonly hint: string;
  readonly read: (stats: SessionStats) => Reading;
  readonly plot: (stats: SessionStats) => number | undefined;
  readonly detail: (stats: SessionStats) => string;
}

const text = ({ value, unit }: Reading): string => `${value} ${unit}`;

/** What is seen, and what the server does for it. */
const PICTURE: readonly Gauge[] = [
  {
    label: "Input to picture",
    hint: "From pressing a key to seeing the first frame that was made with it; over WebRTC estimated (≈)",
    read: ({ inputToPicture, isEstimated }) => {
      const reading = milliseconds(inputToPicture?.p50);
      return isEstimated && inputToPicture ? { ...reading, value: `≈${reading.value}` } : reading;
    },
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
    label: "Bitrate",
    hint: "Received over the network",
    read: (stats) => bitrate(stats.bitrate),
    plot: (stats) => stats.bitrate,
    detail: ({ dropped }) => (dropped === 0 ? "no frame dropped" : `${count(dropped)} dropped`),
  },
];

const percent = (share: number): Reading => ({ value: (share * 100).toFixed(1), unit: "%" });

/** What the network does to it. */
const NETWORK: readonly Gauge[] = [
  {
    label: "Round trip",
    hint: "To the server and back",
    read: ({ network }) => milliseconds(network.roundTrip),
    plot: ({ network }) => network.roundTrip,
    detail: ({ transport }) => `over ${transportName(transport)}`,
  },
  {
    label: "Lost packets",
    hint: "Packets that did not come, or came only when they were asked for again",
    read: ({ network }) =>
      network.loss === undefined ? { value: "–", unit: "" } : percent(network.loss),
    plot: ({ network }) => network.loss,
    detail: ({ network }) =>
      network.packetsLost === undefined
        ? "TCP repeats them"
        : `${count(network.packetsLost)} in all`,
  },
  {
    label: "Held back",
    hint: "How long a picture waits so that pictures come evenly",
    read: ({ network }) => milliseconds(network.jitterBuffer),
    plot: ({ network }) => network.jitterBuffer,
    detail: ({ network }) =>
      network.freezes === undefined ? "a frame at most" : quantity(network.freezes, "freezes"),
  },
  {
    label: "Sound late by",
    hint: "Sound minus picture; below nought the picture is late",
    read: ({ network }) => skewReading(network.skew),
    plot: ({ network }) => network.skew && Math.abs(network.skew),
    detail: ({ network }) => describeSkew(network.skew),
  },
];

const skewReading = (skew: number | undefined): Reading =>
  skew === undefined ? { value: "–", unit: "" } : { value: skew.toFixed(0), unit: "ms" };

/** Apart by more than this, sound and picture do not seem one thing. Milliseconds. */
const IN_STEP = 80;

const describeSkew = (skew: number | undefined): string => {
  if (skew === undefined) return "nothing sounds";
  return Math.abs(skew) <= IN_STEP ? "in step" : "out of step";
};

/** Which group of numbers to show. */
export type NumberGroup = "picture" | "network";

const GROUPS: Readonly<Record<NumberGroup, readonly Gauge[]>> = {
  picture: PICTURE,
  network: NETWORK,
};

/** Live numbers of a session, each with its last half minute. */
export class Numbers {
  readonly root = element("div", { class: "numbers" });
  readonly #cards: readonly Card[];

  constructor(group: NumberGroup) {
    this.#cards = GROUPS[group].map((gauge) => new Card(gauge));
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
