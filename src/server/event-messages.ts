/** Between a session's own words and the protocol's. */

import { StreamError, unreachable } from "../core/errors.ts";
import { CLOSE, type CloseCode } from "../protocol/close-codes.ts";
import type { EndReason, ServerEvent, StatsReport } from "../protocol/events.ts";
import type { LiveParameterChange, LiveParameters } from "../protocol/messages.ts";
import type { Position, SessionEvent, SessionReport } from "../stream/events.ts";
import type { ParameterChange, Parameters } from "../stream/parameters.ts";
import type { Session } from "../stream/session.ts";
import { cacheMessage, isCacheEvent } from "./cache-messages.ts";
import { isSpeechEvent, speechMessage } from "./speech/speech-events.ts";

/** `error` as a client may see it: the words of a failure nobody foresaw stay in the log. */
export const publicError = (error: StreamError): StreamError =>
  error.code === "internal"
    ? new StreamError("internal", "something failed inside the server; its log says what", {
        recovery: error.recovery,
      })
    : error;

/** Parameters as clients read them. */
export const liveParametersOf = (parameters: Parameters): LiveParameters => ({
  steps: parameters.steps,
  seed: parameters.seed,
  window_frames: parameters.cache.windowFrames,
  sink_frames: parameters.cache.sinkFrames,
  sound: parameters.sound,
});

/** A change of parameters as a session takes it. */
export function parameterChangeOf(change: LiveParameterChange): ParameterChange {
  const { steps, seed, window_frames: windowFrames, sink_frames: sinkFrames, sound } = change;
  const changesCache = windowFrames !== undefined || sinkFrames !== undefined;
  return { steps, seed, sound, ...(changesCache && { cache: { windowFrames, sinkFrames } }) };
}

/** What happens to generation, in a session's words and in the protocol's. */
const GENERATION = {
  "generation-started": "generation.started",
  "generation-reset": "generation.reset",
  "generation-recovered": "generation.recovered",
} as const;

const isGenerationEvent = (
  event: SessionEvent,
): event is Extract<SessionEvent, { type: keyof typeof GENERATION }> => event.type in GENERATION;

/** What a client is told when its session says `event`; undefined when it is not told. */
export function messageOf(session: Session, event: SessionEvent): ServerEvent | undefined {
  if (isCacheEvent(event)) return cacheMessage(event);
  if (isSpeechEvent(event)) return speechMessage(event);
  if (isGenerationEvent(event)) return generationMessage(GENERATION[event.type], event.at);
  switch (event.type) {
    case "state-change":
      return event.state === "ended" ? undefined : updatedMessage(session);
    case "input-applied":
      return {
        type: "input.applied",
        event_ids: event.eventIds,
        epoch: event.epoch,
        ...event.at,
      };
    case "limit-near":
      return warningMessage(event);
    case "failed":
      return { type: "error", error: publicError(event.error).serialise() };
    case "ended": {
      const { reason, blocks, frames } = event;
      return { type: "session.ended", reason, blocks, frames };
    }
    case "report":
      // Reports are joined with the viewer's own numbers.
      return undefined;
    default:
      return unreachable(event);
  }
}

/** `session.updated`, as an answer to `eventId` or on its own. */
export const updatedMessage = (session: Session, eventId?: string): ServerEvent => ({
  type: "session.updated",
  ...(eventId !== undefined && { event_id: eventId }),
  state: session.state,
  parameters: liveParametersOf(session.parameters),
});

type GenerationEvent = Extract<ServerEvent, { type: `generation.${string}` }>;

/** What happened to generation at `at`, as an answer to `eventId` or on its own. */
export const generationMessage = (
  type: GenerationEvent["type"],
  { block, pts }: Position,
  eventId?: string,
): ServerEvent => ({ type, ...(eventId !== undefined && { event_id: eventId }), block, pts });

const warningMessage = ({
  limit,
  remaining,
}: Extract<SessionEvent, { type: "limit-near" }>): ServerEvent => ({
  type: "session.warning",
  code: limit === "idle" ? "session_idle" : "session_too_long",
  message:
    limit === "idle"
      ? "the session will end unless something is pressed"
      : "the session is about to reach its longest time",
  remaining_ms: Math.round(remaining),
});

/** Zeros, for a session in its first second. */
const NOTHING_MEASURED: Omit<SessionReport, keyof Position> = {
  fps: 0,
  blockTime: { p50: 0, p95: 0, max: 0 },
  stages: { encoder: 0, denoise: 0, decode: 0, encode: 0 } as SessionReport["stages"],
  late: { frames: 0, worst: 0 } as SessionReport["late"],
  cache: null,
};

/** `stats.report`: the session's newest second, and how the viewer gets it. */
export function statsMessage(
  session: Session,
  viewer: StatsReport["viewer"],
  eventId?: string,
): StatsReport {
  const report = session.report ?? { ...NOTHING_MEASURED, ...session.position };
  return {
    type: "stats.report",
    ...(eventId !== undefined && { event_id: eventId }),
    session: session.id,
    pts: report.pts,
    block: report.block,
    frame: report.frame,
    fps: report.fps,
    block_ms: report.blockTime,
    stages_ms: report.stages,
    cache: report.cache ?? { policy: "none", bytes: 0, slots: 0, capacity: 0 },
    viewer,
  };
}

const CLOSE_CODES: Readonly<Record<EndReason, CloseCode>> = {
  stopped: CLOSE.done,
  idle: CLOSE.idle,
  time_limit: CLOSE.timeLimit,
  abandoned: CLOSE.sessionEnded,
  engine_lost: CLOSE.modelLost,
  shutdown: CLOSE.goingAway,
  error: CLOSE.internal,
};

/** The close code for a connection whose session ended. */
export const closeCodeOfEnd = (reason: EndReason): CloseCode => CLOSE_CODES[reason];
