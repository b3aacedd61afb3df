import type { Session } from "../web/index.ts";
import { download } from "./download.ts";
import { clockTime, count } from "./format.ts";
import type { Recording } from "./recorded-file.ts";
import { StreamRecording } from "./stream-recording.ts";
import type { Toasts } from "./toasts.ts";

/** Starts and ends recordings of a session, and hands the files over. */
export class RecordButton {
  readonly #session: Session;
  readonly #toasts: Toasts;
  readonly #changed: () => void;
  #current: { readonly recording: Recording; readonly since: number } | undefined;

  /** `changed` is called whenever `time` may have changed. */
  constructor(session: Session, toasts: Toasts, changed: () => void) {
    this.#session = session;
    this.#toasts = toasts;
    this.#changed = changed;
    session.on("config", () => {
      if (this.#current) void this.#finish(this.#current.recording);
    });
    session.on("link", ({ kind }) => {
      if (kind === "closed" && this.#current) void this.#finish(this.#current.recording);
    });
  }

  /** Time recorded so far, as text; undefined when not recording. */
  get time(): string | undefined {
    return this.#current && clockTime(performance.now() - this.#current.since);
  }

  /** Let the shown time go on. */
  tick(): void {
    if (this.#current) this.#changed();
  }

  /** Start a recording, or end the one that runs. */
  async toggle(): Promise<void> {
    if (this.#current) return this.#finish(this.#current.recording);
    const recording = await this.#begin();
    if (recording === undefined) {
      this.#toasts.show({
        title: "Nothing to record",
        advice: "This stream is sent as raw pictures. Open the page over https or from localhost.",
      });
      return;
    }
    this.#current = { recording, since: performance.now() };
    this.#changed();
  }

  async #begin(): Promise<Recording | undefined> {
    const { config, transport } = this.#session;
    if (transport === "webrtc") {
      return StreamRecording.isSupported() ? new StreamRecording(this.#session) : undefined;
    }
    const { PacketRecording } = await import("./recording.ts");
    return PacketRecording.supports(config)
      ? new PacketRecording(this.#session, config)
      : undefined;
  }

  async #finish(recording: Recording): Promise<void> {
    this.#current = undefined;
    this.#changed();
    const file = await recording.finish();
    if (file === undefined) return;
    const name = `${this.#session.model.id}-${this.#session.id.slice(0, 8)}.${file.extension}`;
    download(file.blob, name);
    this.#toasts.show({
      title: "Recording saved",
      advice: `${name}, ${count(file.frames)} frames.`,
    });
  }
}
