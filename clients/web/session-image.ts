import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import type { ImageControls } from "./session.ts";
import { removeUpload, type UploadTarget, uploadFile } from "./uploads.ts";

/** What is asked about the picture. */
type ImageRequest = Extract<ClientMessageInput, { type: `image.${string}` }>;

/** The one implementation of `ImageControls`. Lifetime: its session's. */
export class SessionImage implements ImageControls {
  readonly #target: UploadTarget;
  readonly #ask: (request: ImageRequest) => Promise<ServerEvent>;

  /** `ask` sends a request and resolves with the first answer to it. */
  constructor(target: UploadTarget, ask: (request: ImageRequest) => Promise<ServerEvent>) {
    this.#target = target;
    this.#ask = ask;
  }

  readonly set = async (file: Blob): Promise<void> => {
    const upload = await uploadFile(this.#target, file);
    try {
      await this.#ask({ type: "image.set", upload });
    } finally {
      removeUpload(this.#target, upload);
    }
  };

  readonly clear = async (): Promise<void> => {
    await this.#ask({ type: "image.clear" });
  };
}
