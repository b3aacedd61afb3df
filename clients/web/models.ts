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
  /** What a person moves it by; 1 when absent. */
  readonly step?: number;
  readonly default?: number | string;
  readonly enum?: readonly (number | string)[];
  /** Of a cache's settings: the policies that this one has a meaning for; all when absent. */
  readonly for?: readonly string[];
}

/** JSON Schema of a model's live parameters. */
export interface ParametersSchema {
  readonly properties: Readonly<Record<string, ParameterSchema>>;
}

/**
 * The models a server offers. `token` is the server's secret, where it asks for one and the page has no cookie
 * of it.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable` when it cannot be reached.
 */
export async function listModels(
  server: string | URL = location.href,
  token?: string,
): Promise<ModelSummary[]> {
  const { models } = await get<{ models: ModelSummary[] }>(server, "/v1/models", token);
  return models;
}

/**
 * One model that a server offers.
 *
 * @throws {StreamError} `unknown_model`, or as `listModels`.
 */
export const modelSummary = (
  model: string,
  server: string | URL = location.href,
  token?: string,
): Promise<ModelSummary> => get(server, modelPath(model), token);

/**
 * What may be changed of a model while it runs.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable` when it cannot be reached.
 */
export const parametersSchema = (
  model: string,
  server: string | URL = location.href,
  token?: string,
): Promise<ParametersSchema> => get(server, `${modelPath(model)}/schema`, token);

/**
 * What may be chosen of a model's cache while it runs.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable` when it cannot be reached.
 */
export const cacheSchema = (
  model: string,
  server: string | URL = location.href,
  token?: string,
): Promise<ParametersSchema> => get(server, `${modelPath(model)}/cache`, token);

/** Address of a model's cover picture, or undefined when it has none. */
export const coverAddress = (
  model: ModelSummary,
  server: string | URL = location.href,
): URL | undefined =>
  model.cover === null ? undefined : new URL(`${modelPath(model.id)}/cover`, httpAddress(server));

/** Address of the picture that a model's start begins with. */
export const startAddress = (
  model: ModelSummary,
  start: string,
  server: string | URL = location.href,
): URL =>
  new URL(`${modelPath(model.id)}/starts/${encodeURIComponent(start)}`, httpAddress(server));

const modelPath = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;

async function get<T>(server: string | URL, path: string, token?: string): Promise<T> {
  const address = new URL(path, httpAddress(server));
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(address, { headers }).catch((cause: unknown) => {
    throw new StreamError("server_unreachable", "the server cannot be reached", {
      recovery: "retry",
      cause,
    });
  });
  const body = (await response.json()) as T | { error: SerialisedError };
  if (response.ok) return body as T;
  throw StreamError.from((body as { error: SerialisedError }).error);
}
