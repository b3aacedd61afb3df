/** The HTTP interface as an OpenAPI 3.1 document; docs/protocol.md is the same in prose. */

import { clientSchemas } from "../../protocol/messages.ts";
import { TOKEN_COOKIE } from "../access.ts";
import { VERSION } from "../version.ts";
import { SOCKET_PATH } from "./session-routes.ts";

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (description: string, schema: Json): Json => ({
  description,
  content: { "application/json": { schema } },
});
const body = (name: string): Json => ({
  required: true,
  content: { "application/json": { schema: ref(name) } },
});
const picture = (description: string): Json => ({ description, content: { "image/*": {} } });
const failed = (description: string): Json => json(description, ref("Error"));
const inPath = (name: string): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string" },
});

const UNKNOWN = failed(
  "There is no such thing: `unknown_model`, `unknown_session`, `bad_request`.",
);
const REFUSED = failed("A value is refused: `bad_parameter`, `unknown_start`.");
const FULL = failed(
  "No session is free, or no engine: `session_limit`, `engine_lost`; see Retry-After.",
);

const get = (summary: string, responses: Json): Json => ({ summary, responses });

const modelPaths: Json = {
  "/v1/models": {
    get: get("What this server can play", {
      200: json("Models", {
        type: "object",
        required: ["models"],
        properties: { models: { type: "array", items: ref("Model") } },
      }),
    }),
  },
  "/v1/models/{id}": {
    parameters: [inPath("id")],
    get: get("One model", { 200: json("The model", ref("Model")), 404: UNKNOWN }),
  },
  "/v1/models/{id}/schema": {
    parameters: [inPath("id")],
    get: get("JSON Schema of what may change while the model runs", {
      200: json("A JSON Schema", { type: "object" }),
      404: UNKNOWN,
    }),
  },
  "/v1/models/{id}/cover": {
    parameters: [inPath("id")],
    get: get("The model's cover", { 200: picture("The picture"), 404: UNKNOWN }),
  },
  "/v1/models/{id}/starts/{start}": {
    parameters: [inPath("id"), inPath("start")],
    get: get("A picture to start from", { 200: picture("The picture"), 404: UNKNOWN }),
  },
};

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

const text: Json = { type: "string" };
const whole: Json = { type: "integer", minimum: 0 };
const object = (properties: Json): Json => ({
  type: "object",
  required: Object.keys(properties),
  properties,
});

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
  Model: object({
    id: text,
    version: text,
    title: text,
    description: text,
    licence: text,
    cover: { type: ["string", "null"] },
    video: object({ width: whole, height: whole, frame_rate: { type: "number" } }),
    frames_per_block: whole,
    steps: object({ default: whole, choices: { type: "array", items: whole } }),
    cache: object({ window_frames: whole, sink_frames: whole }),
    controls: { type: "array", items: { type: "object" } },
    starts: { type: "array", items: object({ id: text, title: text }) },
  }),
  Session: object(sessionProperties),
  NewSession: object({ ...sessionProperties, token: text, grace_ms: whole, socket: text }),
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
  paths: { ...modelPaths, ...sessionPaths, ...operationPaths },
  components: {
    schemas: { ...schemas, ...clientSchemas() },
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer" },
      cookie: { type: "apiKey", in: "cookie", name: TOKEN_COOKIE },
    },
  },
  security: [{}, { bearer: [] }, { cookie: [] }],
});
