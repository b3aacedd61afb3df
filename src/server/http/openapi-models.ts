/** What can be played, as a part of the OpenAPI document. */

import {
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

const picture = (description: string): Json => ({ description, content: { "image/*": {} } });

/** Paths below `/v1/models`. */
export const modelPaths: Json = {
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
  "/v1/models/{id}/cache": {
    parameters: [inPath("id")],
    get: get("JSON Schema of what may be chosen of the model's cache", {
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

/** What these paths answer with. */
export const modelSchemas: Json = {
  Model: object({
    id: text,
    version: text,
    title: text,
    description: text,
    licence: text,
    cover: { type: ["string", "null"] },
    video: object({
      width: whole,
      height: whole,
      frame_rate: { type: "number" },
      scaling: { enum: ["nearest", "smooth"] },
    }),
    frames_per_block: whole,
    steps: object({ default: whole, choices: { type: "array", items: whole } }),
    cache: object({
      window_frames: whole,
      sink_frames: whole,
      tokens_per_frame: whole,
      most_slots: { ...whole, description: "Of a layer, sinks and window included" },
      open_slots: { type: "boolean" },
      group_frames: whole,
      compressors: { type: "array", items: text },
      policies: { type: "array", items: text },
      storages: { type: "array", items: text },
      attentions: { type: "array", items: text },
      initial: ref("CacheSettings"),
    }),
    controls: { type: "array", items: { type: "object" } },
    starts: { type: "array", items: object({ id: text, title: text }) },
    speech: {
      anyOf: [
        object({ sample_rate: whole, look_ahead_ms: { type: "number" } }),
        { type: "null", description: "It hears nothing" },
      ],
    },
  }),
};
