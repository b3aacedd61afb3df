import { type SerialisedError, StreamError } from "../../src/core/errors.ts";
import type { ModelSummary } from "../../src/protocol/events.ts";
import { httpAddress } from "./address.ts";

/** One live parameter, as the server describes it: JSON Schema with a title, a unit and when it applies. */
export interface ParameterSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly applies?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number;
  readonly enum?: readonly number[];
}

/** JSON Schema of a model's live parameters. */
export interface ParametersSchema {
  readonly properties: Readonly<Record<string, ParameterSchema>>;
}

/**
 * The models a server offers.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable` when it cannot be reached.
 */
export async function listModels(server: string | URL = location.href): Promise<ModelSummary[]> {
  const { models } = await get<{ models: ModelSummary[] }>(server, "/v1/models");
  return models;
}

/**
 * What may be changed of a model while it runs.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable` when it cannot be reached.
 */
export const parametersSchema = (
  model: string,
  server: string | URL = location.href,
): Promise<ParametersSchema> => get(server, `/v1/models/${encodeURIComponent(model)}/schema`);

/** Address of a model's cover picture, or undefined when it has none. */
export const coverAddress = (
  model: ModelSummary,
  server: string | URL = location.href,
): URL | undefined =>
  model.cover === null
    ? undefined
    : new URL(`/v1/models/${encodeURIComponent(model.id)}/cover`, httpAddress(server));

async function get<T>(server: string | URL, path: string): Promise<T> {
  const response = await fetch(new URL(path, httpAddress(server))).catch((cause: unknown) => {
    throw new StreamError("server_unreachable", "the server cannot be reached", {
      recovery: "retry",
      cause,
    });
  });
  const body = (await response.json()) as T | { error: SerialisedError };
  if (response.ok) return body as T;
  throw StreamError.from((body as { error: SerialisedError }).error);
}
