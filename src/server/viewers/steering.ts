/** What the messages of a member do, whichever transport brings them. */

import { StreamError, toStreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { ServerEvent, StatsReport } from "../../protocol/events.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import { cacheStatsMessage } from "../cache-messages.ts";
import { publicError } from "../event-messages.ts";
import type { HostedSession, Role } from "../hosted-session.ts";
import { isImageCommand, setImage } from "../image-messages.ts";
import { execute, isCommand } from "../session-commands.ts";
import { isSpeechCommand, say } from "../speech/speech-commands.ts";

/** What a client measured at the glass and the loudspeaker. */
export type ClientStats = Extract<ClientMessage, { type: "stats.client" }>;

/** A member's side of its transport. */
export interface Steerable {
  /** The client says how the session reaches it. */
  observed(observation: ClientStats): void;
  /** @throws {StreamError} when that frame never was sent. */
  acknowledge(ack: Extract<ClientMessage, { type: "media.ack" }>): void;
  requestKeyframe(): void;
  tell(event: ServerEvent): void;
  stats(eventId?: string): StatsReport;
}

/** Who says something, and to which session. */
export interface Speaker {
  readonly hosted: HostedSession;
  readonly role: Role;
  readonly viewer: Steerable;
}

/**
 * Do what `message` asks; returns the answers in order.
 *
 * @throws {StreamError} the session's refusal, `unauthorized` for a viewer who would steer, `state_conflict` for
 *   a second beginning; nothing is changed then.
 */
export function steer(message: ClientMessage, speaker: Speaker): readonly ServerEvent[] {
  const { hosted, viewer } = speaker;
  switch (message.type) {
    case "media.ack":
      viewer.acknowledge(message);
      return [];
    case "media.request_keyframe":
      viewer.requestKeyframe();
      return [];
    case "stats.get":
      return [viewer.stats(message.event_id)];
    case "stats.client":
      viewer.observed(message);
      return [];
    case "cache.inspect":
      void tellCache(speaker, message.event_id);
      return [];
    case "session.ping":
      return [pong(message)];
    case "session.start":
    case "session.resume":
      throw new StreamError("state_conflict", "this connection has a session already");
    default:
      requireController(speaker.role);
  }
  if (isCommand(message)) return execute(hosted.session, message);
  if (isSpeechCommand(message)) return say(hosted, message);
  if (isImageCommand(message)) {
    void setImage(hosted, message, (event) => viewer.tell(event));
    return [];
  }
  void hosted.session.end("stopped");
  return [];
}

/** Tell what the cache holds, once it was looked at. */
async function tellCache({ hosted, viewer }: Speaker, eventId?: string): Promise<void> {
  try {
    viewer.tell(cacheStatsMessage(await hosted.session.inspectCache(), eventId));
  } catch (cause) {
    const error = publicError(toStreamError(cause)).serialise();
    viewer.tell({ type: "error", ...(eventId !== undefined && { event_id: eventId }), error });
  }
}

function requireController(role: Role): void {
  if (role === "controller") return;
  throw new StreamError("unauthorized", "whoever only watches a session cannot steer it");
}

/** The answer to a sign of life. */
export const pong = ({
  event_id,
}: Extract<ClientMessage, { type: "session.ping" }>): ServerEvent => ({
  type: "session.pong",
  ...(event_id !== undefined && { event_id }),
});

/** Whether `message` changes what is generated. */
const isInput = (message: ClientMessage): boolean =>
  isCommand(message) || isSpeechCommand(message) || isImageCommand(message);

/** What a client that cannot be given what `message` asks is told. */
export function refusalOf(message: ClientMessage, error: StreamError): ServerEvent {
  const eventId = "event_id" in message ? message.event_id : undefined;
  return {
    type: isInput(message) ? "input.rejected" : "error",
    ...(eventId !== undefined && { event_id: eventId }),
    error: error.serialise(),
  };
}

/** The error that a client may see; what nobody foresaw is logged as it is. */
export function understand(cause: unknown, logger: Logger): StreamError {
  const error = toStreamError(cause);
  if (error.code === "internal") {
    logger.error({ reason: error.message, stack: error.stack }, "message failed");
  }
  return publicError(error);
}
