import type { StreamError } from "../../src/core/errors.ts";
import type { LinkState } from "../web/index.ts";
import { hideCover, showCover } from "./cover.ts";
import { describeEnd, describeError, describeReconnect } from "./words.ts";

/** Says over the picture how the connection is while it is not well. Lifetime: until `stop`. */
export class LinkCover {
  readonly #cover: HTMLElement;
  readonly #again: () => void;
  /** Why the session is about to end, when that was said before it did. */
  #reason: StreamError | undefined;
  #countdown: ReturnType<typeof setInterval> | undefined;

  /** `again` begins anew after the end. */
  constructor(cover: HTMLElement, again: () => void) {
    this.#cover = cover;
    this.#again = again;
  }

  /** The session is about to end because of `error`. */
  because(error: StreamError): void {
    this.#reason = error;
  }

  show(link: LinkState): void {
    clearInterval(this.#countdown);
    if (link.kind === "live") {
      this.#reason = undefined;
      hideCover(this.#cover);
    }
    if (link.kind === "reconnecting") {
      const show = () => {
        const seconds = Math.max(0, Math.ceil((link.until - performance.now()) / 1000));
        showCover(this.#cover, describeReconnect(seconds), { busy: true });
      };
      this.#countdown = setInterval(show, 1000);
      show();
    }
    if (link.kind === "closed") {
      const action = { label: "Start again", run: this.#again };
      const notice = this.#reason ? describeError(this.#reason) : describeEnd(link.code, link.lost);
      showCover(this.#cover, notice, { action });
    }
  }

  stop(): void {
    clearInterval(this.#countdown);
  }
}
