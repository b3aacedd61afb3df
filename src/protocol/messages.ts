/**
 * The control vocabulary: every JSON message that crosses a WebSocket or a data channel.
 *
 * One message is one JSON object with a `type`. A client message may carry an `event_id`; every answer
 * to it echoes it. A message that changes generation is answered at once (`input.accepted` or
 * `input.rejected`) and again when the first block made under it is known (`input.applied`).
 */

import { z } from "zod";
import { StreamError } from "../core/errors.ts";
import { cacheSettings } from "./cache.ts";
import { checked } from "./checked.ts";
import { parseSoundMessage, speechMessages } from "./speech.ts";

/** Version of this vocabulary; the WebSocket subprotocol is `zoetrope.v1`. */
export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = "zoetrope.v1";

/** Bounds of what a client may send; part of the contract (docs/protocol.md). */
export const LIMITS = {
  /** Bytes of one text message. */
  messageBytes: 16_384,
  /** Messages a second, sustained, and the burst above it, per connection. */
  messagesPerSecond: 240,
  messageBurst: 480,
  /** Controls in one `control.input`. */
  controlsPerMessage: 64,
} as const;

const eventId = z.string().min(1).max(64).optional();
const identifier = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "lower-case letters, digits and dashes");
const token = z.string().min(16).max(128);
const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const controlValue = z.union([z.number(), z.string().max(64)]);
const controlValues = z
  .record(z.string().min(1).max(64), controlValue)
  .refine((values) => Object.keys(values).length <= LIMITS.controlsPerMessage, "too many controls");

/** Codecs a viewer can ask for, best first. */
const videoCodec = z.enum(["h264", "vp8", "rgb"]);

const mediaWish = z.strictObject({
  codecs: z.array(videoCodec).min(1).max(3).default(["h264", "vp8"]),
  bitrate: z
    .number()
    .int()
    .min(100_000)
    .max(20_000_000)
    .default(2_000_000)
    .meta({ title: "Bitrate", unit: "bit/s" }),
  /** Send the session's sound, too. */
  sound: z.boolean().default(false),
  /** Draw frame and epoch ids into the picture, for measuring at the glass. */
  markers: z.boolean().default(false),
});

/** Parameters that may change while a session runs. The console renders its form from this schema. */
const liveParameters = z.strictObject({
  steps: z.number().int().min(1).max(16).meta({
    title: "Denoising steps",
    description: "More steps, more work per block.",
    applies: "next block",
  }),
  seed: seed.meta({ title: "Seed", description: "Noise of every later block.", applies: "reset" }),
  window_frames: z
    .number()
    .int()
    .min(1)
    .max(4096)
    .meta({ title: "Cache window", unit: "frames", applies: "next block" }),
  sink_frames: z
    .number()
    .int()
    .min(0)
    .max(64)
    .meta({ title: "Cache sinks", unit: "frames", applies: "reset" }),
  sound: z.enum(["none", "voice", "test"]).meta({
    title: "Sound",
    description:
      "Whoever speaks, in models that hear; or a tone with a click at every second's first frame, to measure with.",
    applies: "next block",
  }),
});

const beginning = {
  model: identifier,
  start: identifier.optional(),
  parameters: liveParameters.partial().default({}),
};

const sessionStart = z.strictObject({
  type: z.literal("session.start"),
  event_id: eventId,
  ...beginning,
  media: mediaWish.prefault({}),
});

const sessionRequest = z.strictObject({
  ...beginning,
  markers: z.boolean().default(false),
});

const parameterChange = z.strictObject({ parameters: liveParameters.partial() });

const sessionResume = z.strictObject({
  type: z.literal("session.resume"),
  event_id: eventId,
  session: z.string().min(1).max(64),
  token,
  media: mediaWish.prefault({}),
});

const bare = <T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), event_id: eventId });

const clientMessage = z.discriminatedUnion("type", [
  sessionStart,
  sessionResume,
  bare("session.stop"),
  bare("session.ping"),
  bare("generation.pause"),
  bare("generation.resume"),
  bare("generation.step"),
  z.strictObject({
    type: z.literal("generation.reset"),
    event_id: eventId,
    seed: seed.optional(),
    start: identifier.optional(),
  }),
  z.strictObject({ type: z.literal("control.input"), event_id: eventId, values: controlValues }),
  z.strictObject({
    type: z.literal("params.update"),
    event_id: eventId,
    parameters: liveParameters.partial(),
  }),
  z.strictObject({
    type: z.literal("media.ack"),
    /** Highest `sequence` decoded. */
    sequence: z.number().int().min(0).max(0xffff_ffff),
    /** Frames the client itself threw away so far. */
    dropped: z.number().int().min(0).default(0),
  }),
  z.strictObject({
    type: z.literal("cache.configure"),
    event_id: eventId,
    ...cacheSettings.partial().shape,
  }),
  z.strictObject({
    type: z.literal("cache.reset"),
    event_id: eventId,
    keep_sinks: z.boolean(),
  }),
  bare("cache.inspect"),
  ...speechMessages,
  z.strictObject({
    type: z.literal("image.set"),
    event_id: eventId,
    /** Id of an uploaded image. */
    upload: z.string().min(1).max(64),
  }),
  bare("image.clear"),
  bare("media.request_keyframe"),
  bare("stats.get"),
  z.strictObject({
    type: z.literal("stats.client"),
    /** Sound minus picture, milliseconds: positive where the sound comes late. */
    skew_ms: z.number().min(-10_000).max(10_000).optional(),
    /** Freezes of the picture since the last message of this type. */
    freezes: z.number().int().min(0).max(1_000).default(0),
  }),
]);

/** A message from a client, validated. */
export type ClientMessage = z.output<typeof clientMessage>;
/** A message as a client may write it, defaults left out. */
export type ClientMessageInput = z.input<typeof clientMessage>;
/** What a viewer asks of the media path. */
export type MediaWish = z.output<typeof mediaWish>;
/** Values of the live parameters. */
export type LiveParameters = z.output<typeof liveParameters>;
/** What a session is made of when it is made over HTTP; the client joins it with `session.resume`. */
export type SessionRequest = z.output<typeof sessionRequest>;
/** A change of some live parameters. */
export type LiveParameterChange = {
  readonly [K in keyof LiveParameters]?: LiveParameters[K] | undefined;
};

/** JSON Schema of an object. */
export interface ObjectSchema {
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const KNOWN_TYPES: ReadonlySet<string> = new Set(
  clientMessage.options.map((option) => option.shape.type.value),
);

/**
 * Validate one text message from a client.
 *
 * @throws {StreamError} `message_too_large`, `bad_message` (not JSON, no `type`), `unknown_type`, or
 *   `bad_parameter` naming the offending path; `detail.event_id` echoes the message's id when readable.
 */
export function parseClientMessage(text: string): ClientMessage {
  if (text.length > LIMITS.messageBytes) {
    throw new StreamError("message_too_large", `a message is at most ${LIMITS.messageBytes} bytes`);
  }
  const raw = parseObject(text);
  const echo =
    typeof raw["event_id"] === "string" ? { event_id: raw["event_id"].slice(0, 64) } : {};
  const type = raw["type"];
  if (typeof type !== "string") {
    throw new StreamError("bad_message", "a message needs a string `type`", { detail: echo });
  }
  if (!KNOWN_TYPES.has(type)) {
    throw new StreamError("unknown_type", `unknown message type \`${type.slice(0, 64)}\``, {
      detail: echo,
    });
  }
  return checked(clientMessage, raw, { label: type, echo });
}

/**
 * Validate one binary message from a client.
 *
 * @throws {StreamError} `message_too_large`, `bad_message`, `bad_parameter`.
 */
export function parseBinaryMessage(message: Uint8Array): ClientMessage {
  if (message.length <= LIMITS.messageBytes) return parseSoundMessage(message);
  throw new StreamError("message_too_large", `a message is at most ${LIMITS.messageBytes} bytes`);
}

/**
 * Validate the body of `POST /v1/sessions`.
 *
 * @throws {StreamError} `bad_parameter` naming the offending path.
 */
export const parseSessionRequest = (body: unknown): SessionRequest =>
  checked(sessionRequest, body, { label: "session" });

/**
 * Validate the body of `PATCH /v1/sessions/{id}`.
 *
 * @throws {StreamError} `bad_parameter` naming the offending path.
 */
export const parseParameterChange = (body: unknown): LiveParameterChange =>
  checked(parameterChange, body, { label: "session" }).parameters;

function parseObject(text: string): Record<string, unknown> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new StreamError("bad_message", "a message must be JSON", { cause });
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new StreamError("bad_message", "a message must be a JSON object");
  }
  return raw as Record<string, unknown>;
}

/** JSON Schema of the live parameters, with titles, units and when each applies. */
export const liveParametersSchema = (): ObjectSchema =>
  z.toJSONSchema(liveParameters) as ObjectSchema;

/** JSON Schema of what may be chosen of a cache, the same way. */
export const cacheSettingsSchema = (): ObjectSchema =>
  z.toJSONSchema(cacheSettings) as ObjectSchema;

/** JSON Schemas of what clients send, by name, for the OpenAPI document. */
export const clientSchemas = (): Readonly<Record<string, unknown>> => ({
  ClientMessage: z.toJSONSchema(clientMessage, { io: "input" }),
  SessionRequest: z.toJSONSchema(sessionRequest, { io: "input" }),
  ParameterChange: z.toJSONSchema(parameterChange, { io: "input" }),
  CacheSettings: z.toJSONSchema(cacheSettings),
});
