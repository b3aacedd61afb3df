import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  type AccessRules,
  allowedForeignOrigin,
  isToken,
  refuseRequest,
  TOKEN_COOKIE,
} from "../access.ts";
import { sendError } from "./errors.ts";
import { isWishPath, opensBySession } from "./wish-paths.ts";

/** Answered without a token: whoever watches the server's health need not be its user. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Nothing but our own scripts, pictures and sockets. */
const CONTENT_POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "worker-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SECURITY_HEADERS = {
  "content-security-policy": CONTENT_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(self), geolocation=()",
} as const;

/** Refuse whom `rules` refuse, and set on every answer what browsers must know. */
export function guard(http: FastifyInstance, rules: AccessRules): void {
  http.addHook("onRequest", async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    allowForeign(request, reply, rules);
    const [path = "", query = ""] = request.url.split("?", 2);
    if (request.method === "OPTIONS") {
      if (isWishPath(path)) reply.header("accept-post", "application/sdp");
      return reply.code(204).send();
    }
    if (request.method === "GET" && path === "/" && signIn(query, reply, rules)) return reply;
    const open =
      PUBLIC_PATHS.has(path) || opensBySession(path) ? { ...rules, token: undefined } : rules;
    const refusal = refuseRequest(request.headers, open);
    return refusal === undefined ? undefined : sendError(reply, refusal.error, refusal.status);
  });
}

function allowForeign(request: FastifyRequest, reply: FastifyReply, rules: AccessRules): void {
  const origin = allowedForeignOrigin(request.headers, rules);
  reply.header("vary", "Origin");
  reply.header(
    "cross-origin-resource-policy",
    rules.origins.length > 0 ? "cross-origin" : "same-origin",
  );
  if (origin === undefined) return;
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-allow-headers": "authorization, content-type, if-match",
    "access-control-expose-headers": "location, retry-after, etag, link",
  });
}

/** `/?token=…` puts the token in a cookie that scripts cannot read, and out of the address bar. */
function signIn(query: string, reply: FastifyReply, rules: AccessRules): boolean {
  const token = new URLSearchParams(query).get("token");
  if (token === null || !isToken(token, rules)) return false;
  const cookie = `${TOKEN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict`;
  reply.header("set-cookie", cookie).redirect("/", 303);
  return true;
}
