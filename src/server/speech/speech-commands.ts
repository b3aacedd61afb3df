/** What messages about speech do, and what is answered. */

import type { ServerEvent } from "../../protocol/events.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { HostedSession } from "../hosted-session.ts";

/** Messages about what is said. */
export type SpeechCommand = Extract<
  ClientMessage,
  { type: "speech.say" | "output.clear" | `input_audio.${string}` }
>;

/** Whether `message` is about what is said. */
export const isSpeechCommand = (message: ClientMessage): message is SpeechCommand =>
  message.type === "speech.say" ||
  message.type === "output.clear" ||
  message.type.startsWith("input_audio.");

/**
 * Carry out `command`; returns the answers in order. Sound that is taken is not answered: it comes many times a second.
 *
 * @throws {StreamError} the session's refusal; nothing is changed then.
 */
export function say({ session, speech }: HostedSession, command: SpeechCommand): ServerEvent[] {
  const { event_id: id } = command;
  switch (command.type) {
    case "input_audio.append":
      speech.append(command, id);
      return [];
    case "input_audio.commit":
      speech.commit();
      break;
    case "input_audio.clear":
      speech.forgetAppended();
      break;
    case "output.clear":
      speech.clear(id);
      break;
    case "speech.say":
      speech.say(command, id);
      break;
  }
  return [
    { type: "input.accepted", ...(id !== undefined && { event_id: id }), epoch: session.epoch },
  ];
}
