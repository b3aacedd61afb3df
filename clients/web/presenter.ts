import { as, type Millis } from "../../src/core/units.ts";
import type { MediaHeader } from "../../src/protocol/media-frame.ts";
import { pictureContext } from "./canvas.ts";
import type { Picture } from "./decode-messages.ts";
import { DEFAULT_PLAYOUT, Playout, type PlayoutOptions } from "./playout.ts";

interface Decoded {
  readonly header: MediaHeader;
  readonly picture: Picture;
}

/** What a presenter tells its owner. */
export interface PresenterHandlers {
  /** A frame was drawn at `at`, on the clock of `performance.now()`. */
  drawn(header: MediaHeader, at: Millis): void;
  skipped(frames: number): void;
}

/**
 * Draws pictures on a canvas at display ticks, evenly spaced.
 *
 * Lifetime: one animation-frame loop until `close`. Owns: closes every picture it is given.
 */
export class Presenter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #handlers: PresenterHandlers;
  readonly #playout: Playout<Decoded>;
  #tick: number;

  constructor(
    canvas: HTMLCanvasElement,
    handlers: PresenterHandlers,
    options: PlayoutOptions = DEFAULT_PLAYOUT,
  ) {
    this.#canvas = canvas;
    this.#context = pictureContext(canvas);
    this.#handlers = handlers;
    this.#playout = new Playout(options);
    this.#tick = requestAnimationFrame(this.#onTick);
  }

  /** Show pictures together with sound, at media time plus `offset`; alone when undefined. */
  follow(offset: Millis | undefined): void {
    this.#playout.follow(offset);
  }

  push(header: MediaHeader, picture: Picture): void {
    this.#pass(this.#playout.push({ header, picture }, header, as(performance.now())));
  }

  /** Forget what waits to be drawn. */
  clear(): void {
    this.#pass(this.#playout.clear());
  }

  close(): void {
    cancelAnimationFrame(this.#tick);
    this.clear();
  }

  readonly #onTick = () => {
    this.#tick = requestAnimationFrame(this.#onTick);
    const { show, skipped } = this.#playout.due(as(performance.now()));
    this.#pass(skipped);
    if (show === undefined) return;
    this.#context.drawImage(show.picture, 0, 0, this.#canvas.width, this.#canvas.height);
    show.picture.close();
    this.#handlers.drawn(show.header, as(performance.now()));
  };

  #pass(decoded: readonly Decoded[]): void {
    for (const { picture } of decoded) picture.close();
    if (decoded.length > 0) this.#handlers.skipped(decoded.length);
  }
}
