import { type StreamError, toStreamError } from "../../src/core/errors.ts";
import { type Session, watch } from "../web/index.ts";
import { hideCover, showCover } from "./cover.ts";
import { Deck } from "./deck.ts";
import { element, type View } from "./element.ts";
import { toggleFullScreen } from "./full-screen.ts";
import { headerBar } from "./header.ts";
import { LinkCover } from "./link-cover.ts";
import { MemoryPanel } from "./memory/memory-panel.ts";
import { Numbers } from "./numbers.ts";
import { keptHere, readPreferences } from "./preferences.ts";
import { scripts } from "./scripts.ts";
import { Signal } from "./signal.ts";
import { driveSound } from "./sound.ts";
import { Stage } from "./stage.ts";
import { Status } from "./status.ts";
import type { WatchTarget } from "./watch-link.ts";
import { mediaWishes } from "./wishes.ts";
import { describeError } from "./words.ts";

/** Until the session says how large its pictures are. */
const UNKNOWN = { width: 256, height: 256, scaling: "smooth" } as const;

/** The screen on which somebody else's session is watched. `again` joins it anew. */
export const watchView = (target: WatchTarget, again: () => void): View =>
  new WatchView(target, again);

class WatchView implements View {
  readonly root: HTMLElement;
  readonly #again: () => void;
  readonly #end = new AbortController();
  readonly #status = new Status();
  readonly #signal = new Signal();
  readonly #numbers = new Numbers("network");
  readonly #stage = new Stage("Watching", UNKNOWN);
  readonly #panel = element("aside", { class: "panel", "aria-label": "Numbers" });
  readonly #deck: Deck;
  readonly #title: HTMLElement;
  readonly #linkCover: LinkCover;
  #session: Session | undefined;
  #toggleSound: (() => void) | undefined;

  constructor(target: WatchTarget, again: () => void) {
    this.#again = again;
    this.#linkCover = new LinkCover(this.#stage.cover, again);
    const main = element("main", { class: "play play--watched" }, this.#stage.root);
    this.#deck = new Deck(
      {
        toggleSound: () => this.#toggleSound?.(),
        toggleFullScreen: () => {
          toggleFullScreen(main);
        },
      },
      new Set(),
      this.#end.signal,
    );
    main.append(element("div", { class: "row" }, this.#deck.root));
    const panel = this.#panel;
    panel.append(element("h2", { class: "panel__title" }, "Connection"), this.#numbers.root);
    const header = headerBar({
      title: "Watching",
      status: this.#status,
      signal: this.#signal,
      panel,
    });
    this.#title = header.querySelector("h1") ?? header;
    this.root = element("div", { class: "screen" }, header, main, panel);
    void this.#open(target);
  }

  readonly dispose = () => {
    this.#end.abort();
    this.#linkCover.stop();
    this.#session?.stop();
    this.#stage.dispose();
    this.#numbers.dispose();
  };

  async #open({ session, token }: WatchTarget): Promise<void> {
    const { cover, picture } = this.#stage;
    showCover(cover, { title: "Joining", advice: "Somebody plays; you watch." }, { busy: true });
    try {
      const joined = await watch({
        session,
        token,
        canvas: picture,
        signal: this.#end.signal,
        media: mediaWishes(location.search),
        transport: readPreferences(location.search, keptHere()).transport,
        ...scripts(),
      });
      if (this.#end.signal.aborted) joined.stop();
      else this.#show(joined);
    } catch (cause) {
      this.#failed(toStreamError(cause));
    }
  }

  #show(session: Session): void {
    this.#session = session;
    const { title, video } = session.model;
    this.#title.textContent = `Watching ${title}`;
    document.title = `Watching ${title} · Zoetrope`;
    this.#stage.resize(video);
    this.#panel.append(
      element("h2", { class: "panel__title" }, "Memory"),
      new MemoryPanel(session).root,
    );
    this.#toggleSound = driveSound(session, this.#deck);
    session.on("frame", () => {
      this.#stage.drawn();
    });
    session.on("stats", (stats) => {
      this.#numbers.show(stats);
      this.#signal.show(stats.quality);
    });
    session.on("error", (error) => {
      this.#linkCover.because(error);
    });
    session.on("state", () => {
      this.#status.show(session.link, session.state);
    });
    session.on("link", (link) => {
      this.#status.show(link, session.state);
      this.#linkCover.show(link);
    });
    this.#status.show(session.link, session.state);
    hideCover(this.#stage.cover);
  }

  #failed(error: StreamError): void {
    if (this.#end.signal.aborted) return;
    this.#status.show({ kind: "closed", code: 0, lost: false }, "ended");
    const notice =
      error.code === "unknown_session"
        ? { title: "Nothing to watch", advice: "The session is over, or the link is not whole." }
        : describeError(error);
    showCover(this.#stage.cover, notice, { action: { label: "Try again", run: this.#again } });
  }
}
