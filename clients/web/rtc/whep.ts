/** The HTTP half of a WebRTC connection: sessions are made, and offers answered (WHEP). */

import { httpAddress } from "../address.ts";
import { ask, bearer } from "../http.ts";

/** What a session made over HTTP is joined with. */
export interface MadeSession {
  readonly id: string;
  readonly token: string;
  readonly grace_ms: number;
}

/** How a viewer wants to be sent to. */
export interface OfferWish {
  /** Hold nothing back, or up to 200 ms to smooth a network. */
  readonly delay: "low" | "default";
  /** Highest bitrate, bit/s; the server's own when absent. */
  readonly bitrate?: number | undefined;
}

/** An answered offer. */
export interface AnsweredOffer {
  readonly sdp: string;
  /** Ends the connection on the server; undefined where it did not say how. */
  readonly location: URL | undefined;
}

/**
 * Make a session over HTTP. `body` is that of `POST /v1/sessions`.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable`.
 */
export async function makeSession(
  server: string | URL,
  body: object,
  token: string | undefined,
): Promise<MadeSession> {
  const response = await ask(new URL("/v1/sessions", httpAddress(server)), {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(token) },
    body: JSON.stringify(body),
  });
  return (await response.json()) as MadeSession;
}

/**
 * Answer `offer` for session `id`; `token` is that of its controller or of its viewers.
 *
 * @throws {StreamError} the server's own error, or `server_unreachable`.
 */
export async function answerOffer(
  server: string | URL,
  { id, token }: { readonly id: string; readonly token: string },
  { offer, wish, signal }: { offer: string; wish: OfferWish; signal: AbortSignal },
): Promise<AnsweredOffer> {
  const query = new URLSearchParams({ delay: wish.delay });
  if (wish.bitrate !== undefined) query.set("bitrate", String(wish.bitrate));
  const path = `/v1/sessions/${encodeURIComponent(id)}/whep?${query.toString()}`;
  return postOffer(server, { path, token, offer, signal });
}

/** An offer, and where it goes. */
interface PostedOffer {
  /** Below the server's address. */
  readonly path: string;
  readonly token: string;
  readonly offer: string;
  readonly signal?: AbortSignal;
}

/** Have an offer answered. @throws {StreamError} the server's own error, or `server_unreachable`. */
export async function postOffer(
  server: string | URL,
  { path, token, offer, signal }: PostedOffer,
): Promise<AnsweredOffer> {
  const address = new URL(path, httpAddress(server));
  const headers = { "content-type": "application/sdp", ...bearer(token) };
  const init = { method: "POST", headers, body: offer, ...(signal !== undefined && { signal }) };
  const response = await ask(address, init);
  const location = response.headers.get("location");
  return {
    sdp: await response.text(),
    location: location === null ? undefined : new URL(location, address),
  };
}

/** Tell the server that a connection is over; it notices by itself, too, only later. */
export function endConnection(location: URL, token: string): void {
  const headers = bearer(token);
  fetch(location, { method: "DELETE", headers, keepalive: true }).catch(() => undefined);
}
