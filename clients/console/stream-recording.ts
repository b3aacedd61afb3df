import type { Session } from "../web/index.ts";
import type { RecordedFile, Recording } from "./recorded-file.ts";

/** Kinds of file that browsers record, best first. */
const TYPES = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

/** Bits a second: small pictures with hard edges, encoded a second time, should not show it. */
const BITRATE = 8_000_000;

/** Records what is shown and heard, encoded again by the browser: over WebRTC there are no packets to keep. */
export class StreamRecording implements Recording {
  readonly #recorder: MediaRecorder;
  readonly #parts: Blob[] = [];
  readonly #stopListening: () => void;
  #frames = 0;

  /** True where the browser records streams. */
  static isSupported(): boolean {
    return "MediaRecorder" in globalThis;
  }

  constructor(session: Session) {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(session.captureStream(), {
      ...(mimeType !== undefined && { mimeType }),
      videoBitsPerSecond: BITRATE,
    });
    this.#recorder.addEventListener("dataavailable", ({ data }) => {
      this.#parts.push(data);
    });
    this.#stopListening = session.on("frame", () => {
      this.#frames += 1;
    });
    this.#recorder.start();
  }

  async finish(): Promise<RecordedFile | undefined> {
    this.#stopListening();
    const stopped = new Promise((resolve) => {
      this.#recorder.addEventListener("stop", resolve);
    });
    if (this.#recorder.state !== "inactive") {
      this.#recorder.stop();
      await stopped;
    }
    if (this.#frames === 0) return undefined;
    const type = this.#recorder.mimeType;
    return {
      blob: new Blob(this.#parts, { type }),
      extension: type.startsWith("video/mp4") ? "mp4" : "webm",
      frames: this.#frames,
    };
  }
}
