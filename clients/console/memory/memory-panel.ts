import type { ParametersSchema, Session } from "../../web/index.ts";
import { element } from "../element.ts";
import { MemoryForm } from "./memory-form.ts";
import { MemoryView } from "./memory-view.ts";

/** Told of what the server refuses. */
export type Refused = (cause: unknown) => void;

/**
 * The part of the panel about a session's cache: what it holds, looked at twice a second while the panel is seen,
 * and, for who steers, what it keeps.
 *
 * Lifetime: the session's.
 */
export class MemoryPanel {
  readonly root = element("div", { class: "memory-panel" });
  readonly #session: Session;
  readonly #view = new MemoryView();

  constructor(session: Session) {
    this.#session = session;
    this.root.append(this.#view.root);
    session.on("stats", () => {
      if (isSeen(this.root)) void this.#look();
    });
    session.on("cache", () => void this.#look());
    void this.#look();
  }

  /** Let the cache be chosen, as `schema` says. */
  offer(schema: ParametersSchema, refused: Refused): void {
    const { cache, model } = this.#session;
    const told = async (request: Promise<void>) => {
      try {
        await request;
      } catch (cause) {
        refused(cause);
        throw cause;
      }
    };
    const form = new MemoryForm(model, schema, cache.settings, {
      configure: (change) => told(cache.configure(change)),
      reset: (what) => told(cache.reset(what)),
    });
    this.#session.on("cache", (settings) => {
      form.show(settings);
    });
    this.root.append(form.root);
  }

  async #look(): Promise<void> {
    try {
      this.#view.show(await this.#session.cache.inspect());
    } catch {
      // A connection that is lost is told of elsewhere; the next look may come through.
    }
  }
}

/** Whether `node` is on the page at all: on a phone the panel is behind the picture until it is opened. */
const isSeen = (node: HTMLElement): boolean =>
  node.isConnected && getComputedStyle(node).visibility !== "hidden";
