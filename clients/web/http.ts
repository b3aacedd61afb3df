/** Requests to the server, and its errors. */

import { type SerialisedError, StreamError } from "../../src/core/errors.ts";

/** The header that presents `token`; none without one. */
export const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/**
 * Ask the server.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable`.
 */
export async function ask(address: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(address, init).catch((cause: unknown) => {
    throw new StreamError("server_unreachable", "the server cannot be reached", {
      recovery: "retry",
      cause,
    });
  });
  if (response.ok) return response;
  throw await refusalOf(response);
}

/** The error in an answer; one of our own where a proxy or another server answered. */
async function refusalOf(response: Response): Promise<StreamError> {
  const body = (await response.json().catch(() => undefined)) as
    | { error?: SerialisedError }
    | undefined;
  if (body?.error !== undefined) return StreamError.from(body.error);
  return new StreamError("server_unreachable", `the server answered ${response.status}`);
}
