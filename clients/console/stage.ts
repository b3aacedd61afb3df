import { element } from "./element.ts";
import { type Shown, shownSize } from "./picture-size.ts";

/** Side of the small copy of the picture that makes the glow: the browser's scaling blurs it for nothing. */
const GLOW_SIDE = 32;
/** How far the glow reaches, in sizes of the picture. */
const GLOW_REACH = 1.5;
/** Drawn frames between two updates of the glow. */
const GLOW_EVERY = 15;

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
  #size: Shown;
  #drawn = 0;

  constructor(title: string, size: Shown) {
    this.#size = size;
    this.picture = element("canvas", {
      class: "picture",
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
    this.resize(size);
    this.#observer.observe(this.root);
  }

  /** The pictures are of this size. */
  resize(size: Shown): void {
    this.#size = size;
    this.picture.classList.toggle("picture--pixels", size.scaling === "nearest");
    this.#layOut();
  }

  /** A frame was drawn: let its light follow now and then. */
  drawn(): void {
    this.#drawn += 1;
    if (this.#drawn % GLOW_EVERY !== 1) return;
    const context = this.#glow.getContext("2d");
    if (context) drawGlow(context, this.picture);
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
    for (const [node, reach] of [
      [this.#frame, 1],
      [this.#glow, GLOW_REACH],
    ] as const) {
      node.style.width = `${shown.width * reach}px`;
      node.style.height = `${shown.height * reach}px`;
    }
  }
}

/** Draw the picture small, with light that falls off towards the edges. */
function drawGlow(context: CanvasRenderingContext2D, picture: HTMLCanvasElement): void {
  const middle = GLOW_SIDE / 2;
  const margin = (GLOW_SIDE * (1 - 1 / GLOW_REACH)) / 2;
  const light = context.createRadialGradient(middle, middle, middle * 0.6, middle, middle, middle);
  light.addColorStop(0, "#000");
  light.addColorStop(1, "transparent");
  context.globalCompositeOperation = "copy";
  context.filter = "blur(3px)";
  context.drawImage(picture, margin, margin, GLOW_SIDE - 2 * margin, GLOW_SIDE - 2 * margin);
  context.filter = "none";
  context.globalCompositeOperation = "destination-in";
  context.fillStyle = light;
  context.fillRect(0, 0, GLOW_SIDE, GLOW_SIDE);
}
