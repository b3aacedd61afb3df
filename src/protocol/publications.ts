/** What a client may ask of publications over HTTP. */

import { z } from "zod";
import { checked } from "./checked.ts";

const publicationRequest = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .meta({ title: "WHIP endpoint of the other server" }),
  token: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[\x21-\x7e]+$/, "printable ASCII without spaces")
    .optional()
    .meta({ title: "Bearer token of that endpoint" }),
  bitrate: z
    .number()
    .int()
    .min(100_000)
    .max(20_000_000)
    .default(1_500_000)
    .meta({ title: "Bitrate", unit: "bit/s" }),
});

/** Where a session is to be published. */
export type PublicationRequest = z.output<typeof publicationRequest>;

/** @throws {StreamError} `bad_parameter` naming the offending path. */
export const parsePublicationRequest = (body: unknown): PublicationRequest =>
  checked(publicationRequest, body, { label: "publication" });

/** JSON Schema of the request, by name, for the OpenAPI document. */
export const publicationSchemas = (): Readonly<Record<string, unknown>> => ({
  PublicationRequest: z.toJSONSchema(publicationRequest, { io: "input" }),
});
