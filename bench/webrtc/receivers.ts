/** Light viewers in a process of their own, so that what they cost is not counted as the server's. */

import { Child } from "./child.ts";
import type { Received } from "./receiver.ts";
import type { WhepTarget } from "./source.ts";

/** What the process of receivers answers. */
export interface ReceiverQuestions {
  readonly open: { readonly ask: { readonly target: WhepTarget }; readonly answer: null };
  readonly received: { readonly ask: null; readonly answer: readonly Received[] };
  readonly close: { readonly ask: null; readonly answer: null };
}

/** Viewers that count packets. Lifetime: until `stop`. */
export class Receivers {
  readonly #child = new Child<ReceiverQuestions>(
    new URL("./receivers-process.ts", import.meta.url),
  );

  /** One more viewer; settles with its first packet of video. */
  async open(target: WhepTarget): Promise<void> {
    await this.#child.ask("open", { target });
  }

  /** What each viewer got so far. */
  received(): Promise<readonly Received[]> {
    return this.#child.ask("received", null);
  }

  /** End all viewers in order. */
  async close(): Promise<void> {
    await this.#child.ask("close", null);
  }

  /** End the process at once: its viewers say no goodbye. */
  stop(): Promise<void> {
    return this.#child.stop();
  }
}
