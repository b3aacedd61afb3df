/** The HTTP around WHEP and WHIP: who may, in which types, and how it is answered. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { SDP_LIMITS } from "../../transport/webrtc/sdp-lines.ts";
import { bearerOf } from "../access.ts";
import type { HostedSession, Role } from "../hosted-session.ts";
import type { Sessions } from "../sessions.ts";
import { HttpRefusal, refuse } from "./wish-refusal.ts";
import type { WishResource, WishResources } from "./wish-resource.ts";

/** Media type of offers and answers (RFC 8866). */
export const SDP = "application/sdp";
/** Media type of candidates and ICE restarts (RFC 8840). */
export const FRAGMENT = "application/trickle-ice-sdpfrag";

/** Path of a session, and below it of one connection. */
export interface WishPath {
  readonly Params: { readonly id: string; readonly resource: string };
}

/** A session, and what the one who asks may do there. */
export interface Caller {
  readonly hosted: HostedSession;
  readonly role: Role;
}

type Handler = (request: FastifyRequest<WishPath>, reply: FastifyReply) => unknown;

/**
 * Give WHEP or WHIP a scope of its own: only SDP is read, 64 KiB at most, and only from who presents a token of
 * the session; that is known before a body is read.
 */
export function wishScope(
  http: FastifyInstance,
  sessions: Sessions,
  routes: (scope: WishScope) => void,
): void {
  http.register((inner, _options, done) => {
    inner.removeAllContentTypeParsers();
    inner.addContentTypeParser<string>(
      [SDP, FRAGMENT],
      { parseAs: "string", bodyLimit: SDP_LIMITS.bytes },
      (_request, text, parsed) => {
        parsed(null, text);
      },
    );
    routes(new WishScope(inner, sessions));
    done();
  });
}

/** What the routes of WHEP and WHIP are made with. */
export class WishScope {
  readonly http: FastifyInstance;
  readonly #sessions: Sessions;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(http: FastifyInstance, sessions: Sessions) {
    this.http = http;
    this.#sessions = sessions;
    http.addHook<WishPath>("onRequest", async (request, reply) => {
      try {
        this.#callers.set(request, this.#identify(request));
      } catch (cause) {
        return refuse(reply, cause);
      }
      return undefined;
    });
  }

  /** Who asks. */
  caller(request: FastifyRequest<WishPath>): Caller {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw new HttpRefusal(401, "unauthorized", "a token is needed");
    return caller;
  }

  /** Answer with `handler`, its refusals as WHEP and WHIP want them. */
  handle(handler: Handler): Handler {
    return async (request, reply) => {
      try {
        return await handler(request, reply);
      } catch (cause) {
        return refuse(reply, cause);
      }
    };
  }

  #identify(request: FastifyRequest<WishPath>): Caller {
    const token = bearerOf(request.headers);
    if (token === undefined) throw unauthorized(false);
    const hosted = this.#sessions.find(request.params.id);
    const role = hosted.roleOf(token);
    if (role === undefined) throw unauthorized(true);
    return { hosted, role };
  }
}

const unauthorized = (presented: boolean): HttpRefusal =>
  new HttpRefusal(401, "unauthorized", "a token of the session is needed", {
    presented,
  });

/** The body, of the media type that is wanted. @throws {HttpRefusal} 415, 400. */
export function bodyOf(
  { headers, body }: FastifyRequest,
  type: typeof SDP | typeof FRAGMENT,
): string {
  const given = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (given !== type) throw new HttpRefusal(415, "bad_request", `the body must be ${type}`);
  if (typeof body === "string" && body !== "") return body;
  throw new HttpRefusal(400, "bad_request", "the body is empty");
}

/** Answer a `PATCH` with a fragment of the client. */
export async function patched(
  resources: WishResources,
  request: FastifyRequest<WishPath>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { id, resource: name } = request.params;
  const resource = resources.find(id, name);
  const fragment = resources.fragment(bodyOf(request, FRAGMENT));
  const answer = await resource.patch(request.headers["if-match"], fragment);
  if (answer.fragment === undefined) return reply.code(204).send();
  return reply.code(200).header("etag", resource.etag).type(FRAGMENT).send(answer.fragment);
}

/** Answer a `POST` with the connection that came of it. */
export function created(
  reply: FastifyReply,
  path: string,
  resource: WishResource,
  links: readonly string[],
): FastifyReply {
  if (links.length > 0) reply.header("link", links);
  return reply
    .code(201)
    .headers({
      location: `${path}/${resource.id}`,
      etag: resource.etag,
      "accept-patch": FRAGMENT,
      "cache-control": "no-store",
    })
    .type(SDP)
    .send(resource.connection.answerSdp);
}

/** Answer a `DELETE`: the connection is gone when this is. */
export async function removed(
  resources: WishResources,
  request: FastifyRequest<WishPath>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { connection } = resources.find(request.params.id, request.params.resource);
  connection.close();
  await connection.closed;
  return reply.code(200).send();
}
