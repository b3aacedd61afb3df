import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";
import { StreamError } from "../../core/errors.ts";
import type { ModelPackage } from "../../models/package.ts";
import { cacheSchemaOf } from "../cache-messages.ts";
import { type Models, parametersSchemaOf } from "../models.ts";
import { sendError } from "./errors.ts";

const PICTURE_TYPES: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
};

interface ModelPath {
  readonly Params: { readonly id: string };
}
interface StartPath {
  readonly Params: { readonly id: string; readonly start: string };
}

/** What this server can play: `/v1/models` and below. */
export function modelRoutes(http: FastifyInstance, models: Models): void {
  http.get("/v1/models", () => ({ models: models.offered.map(({ summary }) => summary) }));
  http.get<ModelPath>("/v1/models/:id", ({ params }) => models.get(params.id).summary);
  http.get<ModelPath>("/v1/models/:id/schema", ({ params }) =>
    parametersSchemaOf(models.get(params.id)),
  );
  http.get<ModelPath>("/v1/models/:id/cache", ({ params }) =>
    cacheSchemaOf(models.get(params.id).session.cache),
  );
  http.get<ModelPath>("/v1/models/:id/cover", ({ params }, reply) => {
    const { modelPackage } = models.get(params.id);
    const { cover } = modelPackage.manifest;
    return cover === undefined
      ? sendError(reply, new StreamError("bad_request", "this model has no cover"), 404)
      : sendPicture(reply, modelPackage, cover);
  });
  http.get<StartPath>("/v1/models/:id/starts/:start", ({ params }, reply) => {
    const { modelPackage } = models.get(params.id);
    const { starts } = modelPackage.manifest;
    const start = starts.find(({ id }) => id === params.start);
    if (start !== undefined) return sendPicture(reply, modelPackage, start.image);
    const known = starts.map(({ id }) => id).join(", ");
    const error = new StreamError(
      "unknown_start",
      `this model has no such start; it has: ${known}`,
    );
    return sendError(reply, error, 404);
  });
}

async function sendPicture(
  reply: FastifyReply,
  modelPackage: ModelPackage,
  name: string,
): Promise<FastifyReply> {
  const type = PICTURE_TYPES[extname(name).toLowerCase()] ?? "application/octet-stream";
  const picture = await readFile(modelPackage.file(name));
  return reply.type(type).header("cache-control", "private, max-age=300").send(picture);
}
