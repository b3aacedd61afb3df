/** Pictures that sessions begin from, and what is answered. */

import { toStreamError } from "../core/errors.ts";
import type { ServerEvent } from "../protocol/events.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { publicError } from "./event-messages.ts";
import type { HostedSession } from "./hosted-session.ts";

/** Messages about the picture that a session begins from. */
export type ImageCommand = Extract<ClientMessage, { type: `image.${string}` }>;

/** Whether `message` is about the picture that a session begins from. */
export const isImageCommand = (message: ClientMessage): message is ImageCommand =>
  message.type === "image.set" || message.type === "image.clear";

/** Carry out `command`; `tell` gets the answer, once the picture was looked at. */
export async function setImage(
  hosted: HostedSession,
  command: ImageCommand,
  tell: (event: ServerEvent) => void,
): Promise<void> {
  const { event_id } = command;
  const echo = event_id === undefined ? {} : { event_id };
  try {
    const epoch =
      command.type === "image.clear"
        ? hosted.session.forgetPicture(event_id)
        : await hosted.beginFrom(command.upload, event_id);
    tell({ type: "input.accepted", ...echo, epoch });
  } catch (cause) {
    const error = publicError(toStreamError(cause)).serialise();
    tell({ type: "input.rejected", ...echo, error });
  }
}
