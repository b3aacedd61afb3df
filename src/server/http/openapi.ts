/** The HTTP interface as an OpenAPI 3.1 document; docs/protocol.md is the same in prose. */

import { clientSchemas } from "../../protocol/messages.ts";
import { publicationSchemas } from "../../protocol/publications.ts";
import { recordingSchemas } from "../../protocol/recordings.ts";
import { TOKEN_COOKIE } from "../access.ts";
import { VERSION } from "../version.ts";
import { modelPaths, modelSchemas } from "./openapi-models.ts";
import {
  body,
  failed,
  get,
  inPath,
  type Json,
  json,
  object,
  ref,
  text,
  UNKNOWN,
  whole,
} from "./openapi-parts.ts";
import { wishPaths } from "./openapi-wish.ts";
import { SOCKET_PATH } from "./session-routes.ts";

const REFUSED = failed("A value is refused: `bad_parameter`, `unknown_start`.");
const FULL = failed(
  "No session is free, or no engine: `session_limit`, `engine_lost`; see Retry-After.",
);
const TOO_OFTEN = failed(
  "This address opened too many sessions of late: `rate_limited`; see Retry-After.",
);

const sessionPaths: Json = {
  "/v1/sessions": {
    get: get("Open sessions", {
      200: json("Sessions", {
        type: "object",
        required: ["sessions"],
        properties: { sessions: { type: "array", items: ref("Session") } },
      }),
    }),
    post: {
      summary: "Open a session; join it with session.resume within its grace period",
      requestBody: body("SessionRequest"),
      responses: {
        201: json("The session", ref("NewSession")),
        404: UNKNOWN,
        422: REFUSED,
        429: TOO_OFTEN,
        503: FULL,
      },
    },
  },
  "/v1/sessions/{id}": {
    parameters: [inPath("id")],
    get: get("One session", { 200: json("The session", ref("Session")), 404: UNKNOWN }),
    patch: {
      summary: "Change parameters",
      requestBody: body("ParameterChange"),
      responses: { 200: json("The session", ref("Session")), 404: UNKNOWN, 422: REFUSED },
    },
    delete: {
      summary: "End the session",
      responses: { 204: { description: "It ended" }, 404: UNKNOWN },
    },
  },
  "/v1/sessions/{id}/stats": {
    parameters: [inPath("id")],
    get: get("The newest second in numbers", {
      200: json("The event stats.report", { type: "object" }),
      404: UNKNOWN,
    }),
  },
};

const file = (description: string, type: string): Json => ({
  description,
  content: { [type]: {} },
});
const NO_RECORDING = failed("There is no such thing: `unknown_session`, `unknown_recording`.");
const NO_ROOM = failed(
  "As many are kept as may be, or not now: `recording_limit`, `state_conflict`.",
);

const recordingPaths: Json = {
  "/v1/sessions/{id}/recordings": {
    parameters: [inPath("id")],
    get: get("Recordings and clips of a session", {
      200: json("Recordings", {
        type: "object",
        required: ["recordings"],
        properties: { recordings: { type: "array", items: ref("Recording") } },
      }),
      404: NO_RECORDING,
    }),
    post: {
      summary: "Record a session from its next key packet on",
      requestBody: body("RecordingRequest"),
      responses: {
        201: json("The recording", ref("Recording")),
        404: NO_RECORDING,
        409: NO_ROOM,
        422: REFUSED,
      },
    },
  },
  "/v1/sessions/{id}/recordings/{recording}": {
    parameters: [inPath("id"), inPath("recording")],
    get: get("One recording", { 200: json("The recording", ref("Recording")), 404: NO_RECORDING }),
    delete: {
      summary: "Finish a recording; remove one that is over",
      responses: {
        200: json("It is finished", ref("Recording")),
        204: { description: "It is removed" },
        404: NO_RECORDING,
      },
    },
  },
  "/v1/recordings/{recording}/file": {
    parameters: [inPath("recording")],
    get: get("The file, also while it grows; one Range is answered", {
      200: file("All of it", "video/*"),
      206: file("A part of it", "video/*"),
      404: NO_RECORDING,
      416: { description: "The file is not that long" },
    }),
  },
  "/v1/sessions/{id}/clips": {
    parameters: [inPath("id")],
    post: {
      summary: "A finished recording of what was just shown",
      requestBody: body("ClipRequest"),
      responses: {
        201: json("The clip", ref("Recording")),
        404: NO_RECORDING,
        409: NO_ROOM,
        422: REFUSED,
      },
    },
  },
  "/v1/sessions/{id}/hls": {
    parameters: [inPath("id")],
    get: get("The live playlist of a session", {
      200: json("Where it is", ref("Playlist")),
      404: NO_RECORDING,
    }),
    post: {
      summary: "Show a session in a live playlist (HLS)",
      requestBody: body("PlaylistRequest"),
      responses: { 201: json("Where it is", ref("Playlist")), 404: NO_RECORDING, 409: NO_ROOM },
    },
    delete: {
      summary: "End the live playlist",
      responses: { 204: { description: "It ended" }, 404: NO_RECORDING },
    },
  },
  "/v1/hls/{playlist}/{file}": {
    parameters: [inPath("playlist"), inPath("file")],
    get: get("A live playlist `index.m3u8` and its segments", {
      200: file("The playlist or a segment", "application/vnd.apple.mpegurl"),
      404: NO_RECORDING,
      503: failed("No segment is finished yet: `state_conflict`; see Retry-After."),
    }),
  },
};

const uploadPaths: Json = {
  "/v1/uploads": {
    post: {
      summary: "Bring an image, sound or video; it is kept for ten minutes",
      requestBody: { required: true, content: { "application/octet-stream": {} } },
      responses: {
        201: json("What it is", ref("Upload")),
        409: NO_ROOM,
        413: failed("Too large"),
        422: failed("It is broken, unknown or beyond a limit: `bad_upload`"),
      },
    },
  },
  "/v1/uploads/{upload}": {
    parameters: [inPath("upload")],
    get: get("What it is", { 200: json("The upload", ref("Upload")), 404: NO_RECORDING }),
    delete: {
      summary: "Remove an upload",
      responses: { 204: { description: "It is removed" }, 404: NO_RECORDING },
    },
  },
};

const NO_PUBLICATION = failed("There is no such thing: `unknown_session`, `bad_request`.");
const NOT_CONTROLLER = failed("The bearer token is not that of the session's controller.");

const publicationPaths: Json = {
  "/v1/sessions/{id}/publications": {
    parameters: [inPath("id")],
    get: get("Where a session is published", {
      200: json("Publications", {
        type: "object",
        required: ["publications"],
        properties: { publications: { type: "array", items: ref("Publication") } },
      }),
      401: NOT_CONTROLLER,
      403: NOT_CONTROLLER,
      404: NO_PUBLICATION,
    }),
    post: {
      summary: "Publish a session to another server over WHIP",
      requestBody: body("PublicationRequest"),
      responses: {
        201: json("The publication", ref("Publication")),
        401: NOT_CONTROLLER,
        403: NOT_CONTROLLER,
        404: NO_PUBLICATION,
        422: REFUSED,
        503: FULL,
      },
    },
  },
  "/v1/sessions/{id}/publications/{publication}": {
    parameters: [inPath("id"), inPath("publication")],
    get: get("One publication", {
      200: json("The publication", ref("Publication")),
      404: NO_PUBLICATION,
    }),
    delete: {
      summary: "End a publication; the other server is told",
      responses: { 204: { description: "It ended" }, 404: NO_PUBLICATION },
    },
  },
};

const operationPaths: Json = {
  [SOCKET_PATH]: {
    get: get("The WebSocket of control, events and media; subprotocol zoetrope.v1", {
      101: { description: "A WebSocket; messages are ClientMessage" },
      401: failed("The token is missing or wrong"),
      403: failed("A page of another origin"),
    }),
  },
  "/healthz": { get: get("Whether the process answers", { 200: json("Yes", { type: "object" }) }) },
  "/readyz": {
    get: get("Whether sessions would start at once", {
      200: json("Yes", ref("Readiness")),
      503: json("Not now", ref("Readiness")),
    }),
  },
  "/metrics": {
    get: get("Prometheus text", { 200: { description: "Metrics", content: { "text/plain": {} } } }),
  },
};

const sessionProperties: Json = {
  id: text,
  model: text,
  state: { enum: ["loading", "streaming", "paused", "detached", "ended"] },
  viewers: whole,
  created_at: { type: "string", format: "date-time" },
  block: whole,
  frame: whole,
  pts: { ...whole, description: "Microseconds of media time" },
  parameters: { type: "object" },
  cache: ref("CacheSettings"),
};

const schemas: Json = {
  Error: object({
    error: object({
      code: text,
      message: text,
      recovery: { enum: ["retry", "reset-cache", "end-session", "refuse"] },
      detail: { type: "object" },
    }),
  }),
  Session: object(sessionProperties),
  NewSession: object({ ...sessionProperties, token: text, grace_ms: whole, socket: text }),
  Recording: object({
    id: text,
    session: text,
    kind: { enum: ["recording", "clip"] },
    format: { enum: ["mp4", "webm"] },
    state: { enum: ["recording", "finished", "failed"] },
    reason: { enum: ["stopped", "size", "failed", null] },
    frames: whole,
    seconds: { type: "number", description: "Media time" },
    bytes: { ...whole, description: "Of the file as it is now" },
    created_at: { type: "string", format: "date-time" },
    error: { type: ["object", "null"] },
    file: { ...text, description: "Path of the file on this server" },
  }),
  Upload: object({
    id: text,
    kind: { enum: ["image", "sound", "video"] },
    format: text,
    width: { type: ["integer", "null"] },
    height: { type: ["integer", "null"] },
    seconds: { type: ["number", "null"] },
    sound: { type: "boolean" },
  }),
  Publication: object({
    id: text,
    session: text,
    url: text,
    state: { enum: ["connecting", "live", "failed"] },
    bitrate: { ...whole, description: "Sent in the last second, bit/s" },
    sent_bytes: { ...whole, description: "Over the present connection" },
    attempts: { ...whole, description: "Connections tried so far" },
    error: { type: ["object", "null"], description: "Why it is not live" },
    created_at: { type: "string", format: "date-time" },
  }),
  Playlist: object({ id: text, session: text, playlist: text }),
  Readiness: object({
    ready: { type: "boolean" },
    models: {
      type: "object",
      additionalProperties: { enum: ["cold", "starting", "ready", "failed"] },
    },
    draining: { type: "boolean" },
    free_sessions: whole,
  }),
};

/** The document served at `/openapi.json`. */
export const openApiDocument = (): Json => ({
  openapi: "3.1.0",
  info: { title: "Zoetrope", version: VERSION, license: { name: "MIT" } },
  paths: {
    ...modelPaths,
    ...sessionPaths,
    ...recordingPaths,
    ...uploadPaths,
    ...publicationPaths,
    ...wishPaths,
    ...operationPaths,
  },
  components: {
    schemas: {
      ...modelSchemas,
      ...schemas,
      ...clientSchemas(),
      ...recordingSchemas(),
      ...publicationSchemas(),
    },
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer" },
      cookie: { type: "apiKey", in: "cookie", name: TOKEN_COOKIE },
    },
  },
  security: [{}, { bearer: [] }, { cookie: [] }],
});
