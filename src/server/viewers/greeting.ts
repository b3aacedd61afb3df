/** The first messages to whoever joins a session. */

import { codecString, codedSize } from "../../media/encoder.ts";
import type { ServerEvent } from "../../protocol/events.ts";
import { PROTOCOL_VERSION } from "../../protocol/messages.ts";
import type { RenditionOptions } from "../../stream/engine/contract.ts";
import type { SessionLimits } from "../../stream/limits.ts";
import { cacheSettingsOf } from "../cache-messages.ts";
import { liveParametersOf } from "../event-messages.ts";
import type { HostedSession, Role } from "../hosted-session.ts";

/** Who is greeted, and as an answer to what. */
export interface Greeting {
  readonly type: "session.created" | "session.resumed";
  readonly role: Role;
  readonly limits: SessionLimits;
  readonly eventId?: string | undefined;
}

/** `session.created` or `session.resumed`. */
export function greetingMessage(
  hosted: HostedSession,
  { type, role, limits, eventId }: Greeting,
): ServerEvent {
  return {
    type,
    ...(eventId !== undefined && { event_id: eventId }),
    protocol: PROTOCOL_VERSION,
    session: hosted.id,
    role,
    token: role === "controller" ? hosted.token : hosted.viewerToken,
    viewer_token: hosted.viewerToken,
    state: hosted.session.state,
    model: hosted.model.summary,
    parameters: liveParametersOf(hosted.session.parameters),
    cache: cacheSettingsOf(hosted.session.cache),
    grace_ms: limits.grace,
    idle_ms: limits.idle,
    max_ms: limits.longest,
  };
}

/** `media.config`: what the pictures of `rendition` are to be decoded as. */
export function configMessage(
  { model }: HostedSession,
  { id, codec }: RenditionOptions,
): ServerEvent {
  const { video } = model.summary;
  return {
    type: "media.config",
    rendition: id,
    kind: "video",
    codec: codecString(codec, { ...video, frameRate: video.frame_rate }),
    ...codedSize(codec, video),
  };
}
