/** WHEP and WHIP in the OpenAPI document: paths whose bodies are SDP. */

import { FRAGMENT, SDP } from "./wish-scope.ts";

type Json = Readonly<Record<string, unknown>>;

const said = (description: string): Json => ({ description });
const text = (description: string, type: string): Json => ({
  description,
  content: { [type]: { schema: { type: "string" } } },
});
const body = (type: string): Json => ({
  required: true,
  content: { [type]: { schema: { type: "string", maxLength: 65_536 } } },
});
const inPath = (name: string): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string" },
});
const header = (description: string): Json => ({ description, schema: { type: "string" } });

/** What any of these may be answered. */
const REFUSALS: Json = {
  400: said("The body, or what it asks for, cannot be read"),
  401: said("A token of the session is needed: Authorization: Bearer"),
  404: said("There is no such session or connection, or it ended"),
  413: said("More than 64 KiB"),
  415: said("A body of another type"),
};

const post = (summary: string, own: Json, parameters: readonly Json[] = []): Json => ({
  summary,
  parameters,
  requestBody: body(SDP),
  responses: {
    201: {
      ...text("The answer, all candidates inside", SDP),
      headers: {
        Location: header("The connection"),
        ETag: header("Its ICE session"),
        Link: header('ICE servers: rel="ice-server"'),
      },
    },
    ...REFUSALS,
    406: said("None of the offer's codecs can be had"),
    409: said("Not at this time; see Retry-After"),
    503: said("Too many connections; see Retry-After"),
    ...own,
  },
});

const connection = (what: string): Json => ({
  parameters: [inPath("id"), inPath("resource")],
  get: {
    summary: `Whether ${what} is there`,
    responses: { 204: said("It is; its ETag"), 401: REFUSALS[401], 404: REFUSALS[404] },
  },
  patch: {
    summary: `Candidates of ${what}, or a restart of ICE`,
    parameters: [
      {
        name: "If-Match",
        in: "header",
        required: true,
        description: "The ETag, to add candidates; *, with new credentials, to restart ICE",
        schema: { type: "string" },
      },
    ],
    requestBody: body(FRAGMENT),
    responses: {
      200: text("ICE was restarted: the server's fragment, and a new ETag", FRAGMENT),
      204: said("The candidates were taken"),
      ...REFUSALS,
      409: said("Credentials of another ICE session, or that were used before"),
      412: said("The ETag is that of an earlier ICE session"),
      428: said("If-Match is missing"),
      429: said("Too many candidates, restarts, or requests at once"),
    },
  },
  delete: {
    summary: `End ${what}`,
    responses: { 200: said("It ended"), 401: REFUSALS[401], 404: REFUSALS[404] },
  },
});

const query = (name: string, description: string, schema: Json): Json => ({
  name,
  in: "query",
  description,
  schema,
});

/** The paths of WHEP and WHIP. */
export const wishPaths: Json = {
  "/v1/sessions/{id}/whep": {
    parameters: [inPath("id")],
    get: { summary: "Whether the session can be watched", responses: { 204: said("It can") } },
    post: post(
      "Watch the session over WebRTC (WHEP)",
      { 422: said("`delay` or `bitrate` cannot be that") },
      [
        query("delay", "low: the player is asked to hold nothing back", {
          enum: ["low", "default"],
          default: "default",
        }),
        query("bitrate", "Most bit/s of the picture", {
          type: "integer",
          minimum: 100_000,
          maximum: 20_000_000,
          default: 1_500_000,
        }),
      ],
    ),
  },
  "/v1/sessions/{id}/whep/{resource}": connection("a viewer"),
  "/v1/sessions/{id}/whip": {
    parameters: [inPath("id")],
    get: {
      summary: "What comes into the session, in numbers",
      responses: {
        200: {
          description: "`publisher` is null when nobody publishes",
          content: { "application/json": { schema: { type: "object" } } },
        },
      },
    },
    post: post("Publish a camera and a microphone into the session (WHIP)", {
      403: said("The token is that of those who only watch"),
      409: said("Somebody publishes into this session; see Retry-After"),
    }),
  },
  "/v1/sessions/{id}/whip/{resource}": connection("the publisher"),
};
