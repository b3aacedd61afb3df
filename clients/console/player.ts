/** One session as it is played: its events on the page, and the page's hands on it. */

import { StreamError } from "../../src/core/errors.ts";
import type { Session } from "../web/index.ts";
import type { ConnectionPanel } from "./connection.ts";
import { hideCover } from "./cover.ts";
import type { Deck } from "./deck.ts";
import { keyActions, motionBindings } from "./input/bindings.ts";
import { driveByGamepad } from "./input/gamepad.ts";
import { driveByKeyboard } from "./input/keyboard.ts";
import type { Mixer } from "./input/mixer.ts";
import { driveByPointer } from "./input/pointer.ts";
import type { Keys } from "./keys.ts";
import { LinkCover } from "./link-cover.ts";
import type { Numbers } from "./numbers.ts";
import { RecordButton } from "./record-button.ts";
import type { Signal } from "./signal.ts";
import { driveSound } from "./sound.ts";
import type { Stage } from "./stage.ts";
import type { Status } from "./status.ts";
import type { Toasts } from "./toasts.ts";
import { shareLink } from "./watch-link.ts";
import { describeError, describeTransport } from "./words.ts";

/** The parts of the page that a session speaks to. */
export interface PlayerParts {
  readonly stage: Stage;
  readonly deck: Deck;
  readonly status: Status;
  readonly numbers: Numbers;
  readonly connection: ConnectionPanel;
  readonly signal: Signal;
  readonly toasts: Toasts;
  readonly mixer: Mixer;
  readonly keys: Keys;
  /** Begin a whole new session. */
  readonly again: () => void;
}

/**
 * Joins a session to the page.
 *
 * Lifetime: until `stop`; the page's listeners go with it.
 */
export class Player {
  readonly session: Session;
  readonly #parts: PlayerParts;
  readonly #end = new AbortController();
  readonly #recording: RecordButton;
  readonly #linkCover: LinkCover;
  readonly toggleSound: () => void;

  constructor(session: Session, parts: PlayerParts) {
    this.session = session;
    this.#parts = parts;
    this.#linkCover = new LinkCover(parts.stage.cover, parts.again);
    this.toggleSound = driveSound(session, parts.deck);
    this.#recording = new RecordButton(session, parts.toasts, () => {
      this.#showState();
    });
    this.#listen();
    this.#takeControls();
    hideCover(parts.stage.cover);
    this.#showState();
  }

  readonly togglePause = () => {
    this.#ask(this.session.state === "paused" ? this.session.resume() : this.session.pause());
  };
  readonly step = () => {
    if (this.session.state === "paused") this.#ask(this.session.step());
  };
  readonly reset = () => {
    this.#ask(this.session.reset());
  };
  readonly startFrom = (start: string) => {
    this.#ask(this.session.reset({ start }));
  };
  readonly toggleRecording = () => {
    void this.#recording.toggle();
  };

  readonly share = () => {
    const { id, viewerToken } = this.session;
    void shareLink({ session: id, token: viewerToken }, this.#parts.toasts);
  };

  /** End the session and let go of the page. */
  stop(): void {
    this.#end.abort();
    this.#linkCover.stop();
    this.session.stop();
  }

  /** Say on the page when the server refuses what was asked. */
  #ask(request: Promise<void>): void {
    request.catch((cause: unknown) => {
      if (StreamError.is(cause)) this.#parts.toasts.show(describeError(cause));
    });
  }

  #listen(): void {
    const { stage, numbers, connection, signal, toasts, mixer } = this.#parts;
    this.session.on("frame", () => {
      stage.drawn();
      mixer.pulse();
    });
    this.session.on("stats", (stats) => {
      numbers.show(stats);
      connection.show(stats);
      signal.show(stats.quality);
      this.#recording.tick();
    });
    this.session.on("state", () => {
      this.#showState();
    });
    this.session.on("link", (link) => {
      this.#showState();
      this.#linkCover.show(link);
    });
    this.session.on("transport", ({ transport }) => {
      toasts.show(describeTransport(transport));
    });
    this.session.on("error", (error) => {
      const isOver = error.recovery === "end-session" || this.session.link.kind !== "live";
      if (isOver) this.#linkCover.because(error);
      else toasts.show(describeError(error));
    });
    this.session.on("event", (event) => {
      if (event.type === "session.warning") {
        toasts.show({ title: "From the server", advice: event.message });
      }
      if (event.type === "generation.recovered") {
        toasts.show({
          title: "The model was restarted",
          advice: "The stream goes on where it was.",
        });
      }
    });
  }

  #takeControls(): void {
    const { controls } = this.session.model;
    const { mixer, stage, keys } = this.#parts;
    const { signal } = this.#end;
    driveByKeyboard(keyActions(controls), mixer, signal);
    driveByPointer(stage.picture, motionBindings(controls), mixer, signal);
    driveByGamepad(controls, { mixer, connected: (is) => keys.showGamepad(is) }, signal);
  }

  #showState(): void {
    const { deck, stage, status } = this.#parts;
    const { link, state } = this.session;
    status.show(link, state);
    stage.showRecorded(this.#recording.time);
    deck.show({
      paused: state === "paused",
      recording: this.#recording.time !== undefined,
      enabled: link.kind === "live",
    });
  }
}
