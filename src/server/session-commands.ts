/** What a client's messages do to a session, and what is answered. */

import type { ServerEvent } from "../protocol/events.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import type { Session } from "../stream/session.ts";
import { cacheChangeOf, inProtocolWords } from "./cache-messages.ts";
import { generationMessage, parameterChangeOf, updatedMessage } from "./event-messages.ts";

/** Messages that change generation. */
export type Command = Extract<
  ClientMessage,
  {
    type:
      | "control.input"
      | "params.update"
      | "cache.configure"
      | "cache.reset"
      | `generation.${string}`;
  }
>;

/** Whether `message` changes generation. */
export const isCommand = (message: ClientMessage): message is Command =>
  message.type === "control.input" ||
  message.type === "params.update" ||
  message.type === "cache.configure" ||
  message.type === "cache.reset" ||
  message.type.startsWith("generation.");

/**
 * Carry out `command`; returns the answers in order.
 *
 * @throws {StreamError} the session's refusal; nothing is changed then.
 */
export function execute(session: Session, command: Command): readonly ServerEvent[] {
  const { event_id: id } = command;
  switch (command.type) {
    case "control.input": {
      const { epoch, superseded } = session.input(command.values, id);
      return [
        accepted(epoch, id),
        ...superseded.map((event_id) => ({ type: "input.superseded", event_id, epoch }) as const),
      ];
    }
    case "params.update": {
      const change = parameterChangeOf(command.parameters);
      const epoch = inProtocolWords(() => session.change(change, id), "parameters");
      return [updatedMessage(session, id), accepted(epoch, id)];
    }
    case "cache.configure": {
      const cache = cacheChangeOf(command);
      const epoch = inProtocolWords(() => session.change({ cache }, id));
      return [updatedMessage(session, id), accepted(epoch, id)];
    }
    case "cache.reset":
      return [accepted(session.forgetCache({ keepSinks: command.keep_sinks }, id), id)];
    case "generation.reset": {
      const epoch = session.reset({ seed: command.seed, start: command.start }, id);
      return [updatedMessage(session, id), accepted(epoch, id)];
    }
    case "generation.pause":
      session.pause();
      return [generationMessage("generation.paused", session.position, id)];
    case "generation.resume":
      session.resume();
      return [generationMessage("generation.resumed", session.position, id)];
    case "generation.step":
      session.step();
      return [accepted(session.epoch, id)];
  }
}

const accepted = (epoch: number, eventId: string | undefined): ServerEvent => ({
  type: "input.accepted",
  ...(eventId !== undefined && { event_id: eventId }),
  epoch,
});
