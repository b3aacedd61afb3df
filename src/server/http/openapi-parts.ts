/** What the OpenAPI document is written with. */

/** A part of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** A schema by its name. */
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
/** An answer in JSON. */
export const json = (description: string, schema: Json): Json => ({
  description,
  content: { "application/json": { schema } },
});
/** A request's body, by the name of its schema. */
export const body = (name: string): Json => ({
  required: true,
  content: { "application/json": { schema: ref(name) } },
});
/** An answer that says what failed. */
export const failed = (description: string): Json => json(description, ref("Error"));
/** Nothing is called that. */
export const UNKNOWN = failed(
  "There is no such thing: `unknown_model`, `unknown_session`, `bad_request`.",
);
/** A part of a path. */
export const inPath = (name: string): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string" },
});
/** A `GET`. */
export const get = (summary: string, responses: Json): Json => ({ summary, responses });
/** Text. */
export const text: Json = { type: "string" };
/** A whole number that is not negative. */
export const whole: Json = { type: "integer", minimum: 0 };
/** An object that has all of these. */
export const object = (properties: Json): Json => ({
  type: "object",
  required: Object.keys(properties),
  properties,
});
