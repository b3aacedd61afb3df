/** Zoetrope in a browser: open a session, see its pictures, steer it. */

export type { Control, ControlValue, ControlValues } from "../../src/core/controls.ts";
export { StreamError } from "../../src/core/errors.ts";
export type {
  CacheAge,
  CachePolicyName,
  CacheSettings,
  CacheSettingsChange,
  CacheStats,
  CacheStorageName,
  CacheSummary,
} from "../../src/protocol/cache.ts";
export type { ModelSummary, ServerEvent, SessionStateName } from "../../src/protocol/events.ts";
export type { MediaFrame, MediaHeader } from "../../src/protocol/media-frame.ts";
export type { LiveParameterChange, LiveParameters } from "../../src/protocol/messages.ts";
export { decodableCodecs } from "./codecs.ts";
export {
  type ConnectOptions,
  connect,
  type JoinOptions,
  type WatchOptions,
  watch,
} from "./connect.ts";
export type { ControlPad } from "./control-pad.ts";
export type { PictureConfig } from "./decode-messages.ts";
export type { Quality, QualityGrade, QualityLimit } from "./grade.ts";
export type { LinkState } from "./link.ts";
export type { SessionStats, Spread } from "./meter.ts";
export {
  cacheSchema,
  coverAddress,
  listModels,
  type ParameterSchema,
  type ParametersSchema,
  parametersSchema,
  startAddress,
} from "./models.ts";
export type { NetworkSample } from "./network.ts";
export type {
  AudioControls,
  CacheControls,
  ImageControls,
  Microphone,
  Session,
  SessionEvents,
  SpeechControls,
  SpeechFinished,
  SpeechTold,
  TransportChoice,
} from "./session.ts";
export type { TransportName } from "./transport.ts";
