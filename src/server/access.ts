/** Who may talk to this server: decided from request headers alone, before anything is made for a client. */

import type { IncomingHttpHeaders } from "node:http";
import { StreamError } from "../core/errors.ts";
import type { Refusal } from "../transport/websocket/endpoint.ts";
import { type Config, isLoopback } from "./config.ts";
import { isSameSecret } from "./secrets.ts";

/** The rules of one server. */
export interface AccessRules {
  /** Secret that every client must present; none is asked for when absent. */
  readonly token: string | undefined;
  /** Origins of other pages that may use this server. */
  readonly origins: readonly string[];
  /** Host names requests may be made to; any when absent. */
  readonly hosts: readonly string[] | undefined;
}

/** Cookie that carries the token for the console. */
export const TOKEN_COOKIE = "zoetrope_token";
/** A browser cannot set headers on a WebSocket; a subprotocol with this prefix carries the token. */
const TOKEN_PROTOCOL = "zoetrope.bearer.";
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** The rules that `config` asks for. A server only this machine can reach answers to its own names only. */
export function accessRules({ host, token, origins }: Config): AccessRules {
  const named = origins.map((origin) => new URL(origin));
  return {
    token,
    origins: named.map(({ origin }) => origin),
    hosts: isLoopback(host)
      ? [...LOOPBACK_NAMES, ...named.map(({ hostname }) => hostname)]
      : undefined,
  };
}

/** Why a request with `headers` is refused; undefined when it is not. */
export function refuseRequest(
  headers: IncomingHttpHeaders,
  rules: AccessRules,
): Refusal | undefined {
  if (!isKnownHost(headers, rules)) {
    return refusal(421, "bad_request", "this server does not answer to that host name");
  }
  if (!isAllowedOrigin(headers, rules)) {
    return refusal(403, "unauthorized", "pages of that origin may not use this server");
  }
  if (!hasToken(headers, rules)) {
    return refusal(401, "unauthorized", "a valid token is needed: Authorization: Bearer TOKEN");
  }
  return undefined;
}

/** Whether `token` opens this server. */
export const isToken = (token: string, rules: AccessRules): boolean =>
  rules.token !== undefined && isSameSecret(token, rules.token);

/** The token that `headers` present as `Authorization: Bearer TOKEN`. */
export const bearerOf = ({ authorization }: IncomingHttpHeaders): string | undefined =>
  /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];

/** The foreign origin that `headers` name and the rules allow. */
export function allowedForeignOrigin(
  { origin }: IncomingHttpHeaders,
  { origins }: AccessRules,
): string | undefined {
  return origin !== undefined && origins.includes(origin) ? origin : undefined;
}

/** Stops pages that made a name of theirs point at this machine. */
function isKnownHost({ host }: IncomingHttpHeaders, { hosts }: AccessRules): boolean {
  if (hosts === undefined) return true;
  return host !== undefined && hosts.includes(host.replace(/:\d+$/, "").toLowerCase());
}

/** Clients that are no browser name no origin. */
function isAllowedOrigin({ origin, host }: IncomingHttpHeaders, { origins }: AccessRules): boolean {
  if (origin === undefined || origins.includes(origin)) return true;
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

function hasToken(headers: IncomingHttpHeaders, rules: AccessRules): boolean {
  if (rules.token === undefined) return true;
  const given = [bearerOf(headers), fromCookie(headers), fromProtocols(headers)];
  return given.some((token) => token !== undefined && isToken(token, rules));
}

const fromCookie = ({ cookie }: IncomingHttpHeaders): string | undefined =>
  (cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${TOKEN_COOKIE}=`))
    ?.slice(TOKEN_COOKIE.length + 1);

const fromProtocols = (headers: IncomingHttpHeaders): string | undefined =>
  (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .find((name) => name.startsWith(TOKEN_PROTOCOL))
    ?.slice(TOKEN_PROTOCOL.length);

const refusal = (
  status: number,
  code: "bad_request" | "unauthorized",
  message: string,
): Refusal => ({ status, error: new StreamError(code, message) });
