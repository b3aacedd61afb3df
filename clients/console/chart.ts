import UPlot from "uplot";
import { element } from "./element.ts";

/** Points shown: half a minute at two a second. */
const POINTS = 60;
/** A line that is shorter than this many points does not fill the width yet. */
const FEWEST = 16;
const HEIGHT = 32;
/** Room above the highest point, as a share of it. */
const HEADROOM = 1.2;

/** The last half minute of one number as a small line. */
export class Chart {
  readonly root = element("div", { class: "chart", "aria-hidden": true });
  readonly #times: number[] = [];
  readonly #values: (number | null)[] = [];
  readonly #observer: ResizeObserver;
  #plot: UPlot | undefined;
  #count = 0;

  constructor() {
    this.#observer = new ResizeObserver(() => {
      this.#resize();
    });
    this.#observer.observe(this.root);
  }

  /** Add a point at the right; undefined leaves a gap. */
  push(value: number | undefined): void {
    this.#times.push(this.#count);
    this.#values.push(value === undefined || !Number.isFinite(value) ? null : value);
    this.#count += 1;
    if (this.#times.length > POINTS) {
      this.#times.shift();
      this.#values.shift();
    }
    this.#plot?.setData([this.#times, this.#values]);
  }

  dispose(): void {
    this.#observer.disconnect();
    this.#plot?.destroy();
  }

  #resize(): void {
    const width = this.root.clientWidth;
    if (width === 0) return;
    if (this.#plot === undefined) this.#plot = this.#draw(width);
    else this.#plot.setSize({ width, height: HEIGHT });
  }

  /** First and last point shown: the line grows from the left, then moves on. */
  #span(): [number, number] {
    const last = Math.max(this.#count, FEWEST) - 1;
    return [Math.max(0, last - POINTS + 1), last];
  }

  #draw(width: number): UPlot {
    const ink = getComputedStyle(this.root).color;
    return new UPlot(
      {
        width,
        height: HEIGHT,
        padding: [2, 0, 2, 0],
        legend: { show: false },
        cursor: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false, range: () => this.#span() },
          y: { range: (_plot, _low, high) => [0, high > 0 ? high * HEADROOM : 1] },
        },
        series: [
          {},
          { stroke: ink, width: 1.5, points: { show: false }, fill: (plot) => fade(plot, ink) },
        ],
      },
      [this.#times, this.#values],
      this.root,
    );
  }
}

/** The chart's ink, fading out towards the bottom. */
function fade(plot: UPlot, ink: string): CanvasGradient {
  const gradient = plot.ctx.createLinearGradient(0, 0, 0, plot.ctx.canvas.height);
  gradient.addColorStop(0, `color-mix(in srgb, ${ink} 28%, transparent)`);
  gradient.addColorStop(1, "transparent");
  return gradient;
}
