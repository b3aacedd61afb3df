import { element } from "./element.ts";
import { isPixelArt, shownSize } from "./picture-size.ts";

/** Side of the small copy of the picture that makes the glow. */
const GLOW_SIDE = 24;
/** Drawn frames between two updates of the glow. */
const GLOW_EVERY = 5;

/** The place where the picture is: as large as the room allows, with its light on the wall behind. */
export class Stage {
  readonly root: HTMLElement;
  readonly picture: HTMLCanvasElement;
  /** Lies over the picture; for messages. */
  readonly cover: HTMLElement;
  readonly #frame: HTMLElement;
  readonly #badge = element("span", { class: "badge", role: "timer", hidden: true });
  readonly #glow: HTMLCanvasElement;
  readonly #observer: ResizeObserver;
  readonly #size: { width: number; height: number };
  #drawn = 0;

  constructor(title: string, size: { width: number; height: number }) {
    this.#size = size;
    this.picture = element("canvas", {
      class: isPixelArt(size) ? "picture picture--pixels" : "picture",
      width: size.width,
      height: size.height,
      role: "img",
      tabindex: 0,
      "aria-label": `${title}: the live picture`,
    });
    this.#glow = element("canvas", { class: "glow", width: GLOW_SIDE, height: GLOW_SIDE });
    this.#glow.setAttribute("aria-hidden", "true");
    this.cover = element("div", { class: "cover", role: "status" });
    this.#frame = element("div", { class: "frame" }, this.picture, this.#badge, this.cover);
    this.root = element("div", { class: "stage" }, this.#glow, this.#frame);
    this.#observer = new ResizeObserver(() => {
      this.#layOut();
    });
    this.#observer.observe(this.root);
  }

  /** A frame was drawn: let its light follow now and then. */
  drawn(): void {
    this.#drawn += 1;
    if (this.#drawn % GLOW_EVERY !== 1) return;
    this.#glow.getContext("2d")?.drawImage(this.picture, 0, 0, GLOW_SIDE, GLOW_SIDE);
  }

  /** Show the time recorded so far; undefined when not recording. */
  showRecorded(time: string | undefined): void {
    this.#badge.hidden = time === undefined;
    this.#badge.textContent = time ?? "";
  }

  dispose(): void {
    this.#observer.disconnect();
  }

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (width === 0 || height === 0) return;
    const shown = shownSize(this.#size, { width, height }, devicePixelRatio);
    for (const node of [this.#frame, this.#glow]) {
      node.style.width = `${shown.width}px`;
      node.style.height = `${shown.height}px`;
    }
  }
}
