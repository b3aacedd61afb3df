import type { FastifyInstance, FastifyRequest } from "fastify";
import { parsePublicationRequest } from "../../protocol/publications.ts";
import { bearerOf } from "../access.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { Publication } from "../publications/publication.ts";
import type { Publications } from "../publications/publications.ts";
import type { Sessions } from "../sessions.ts";
import { HttpRefusal, refuse } from "./wish-refusal.ts";

/** What the publication routes work on. */
export interface PublicationRoutesParts {
  readonly sessions: Sessions;
  readonly publications: Publications;
}

interface Path {
  readonly Params: { readonly id: string; readonly publication: string };
}

/** Sending a session on to other servers: `/v1/sessions/{id}/publications`, for its controller. */
export function publicationRoutes(http: FastifyInstance, parts: PublicationRoutesParts): void {
  const { sessions, publications } = parts;
  const find = ({ id, publication }: Path["Params"]): Publication => {
    const found = publications.of(id).find((each) => each.id === publication);
    if (found !== undefined) return found;
    throw new HttpRefusal(404, "bad_request", "there is no such publication, or it ended");
  };
  const callers = new WeakMap<FastifyRequest, HostedSession>();
  http.register((scope, _options, done) => {
    scope.addHook<Path>("onRequest", async (request, reply) => {
      try {
        callers.set(request, controlled(sessions, request));
      } catch (cause) {
        return refuse(reply, cause);
      }
      return undefined;
    });
    scope.setErrorHandler((cause, _request, reply) => refuse(reply, cause));
    scope.post<Path>("/v1/sessions/:id/publications", (request, reply) => {
      const hosted = callers.get(request) ?? controlled(sessions, request);
      const publication = publications.start(hosted, parsePublicationRequest(request.body));
      const path = `/v1/sessions/${hosted.id}/publications/${publication.id}`;
      return reply.code(201).header("location", path).send(publication.describe());
    });
    scope.get<Path>("/v1/sessions/:id/publications", ({ params }) => ({
      publications: publications.of(params.id).map((each) => each.describe()),
    }));
    scope.get<Path>("/v1/sessions/:id/publications/:publication", ({ params }) =>
      find(params).describe(),
    );
    scope.delete<Path>("/v1/sessions/:id/publications/:publication", async ({ params }, reply) => {
      await publications.remove(find(params));
      return reply.code(204).send();
    });
    done();
  });
}

/** The session that is asked for, by whoever steers it. */
function controlled(sessions: Sessions, { params, headers }: FastifyRequest<Path>): HostedSession {
  const token = bearerOf(headers);
  const hosted = token === undefined ? undefined : sessions.find(params.id);
  const role = hosted?.roleOf(token ?? "");
  if (hosted === undefined || role === undefined) {
    throw new HttpRefusal(401, "unauthorized", "a token of the session is needed", {
      presented: token !== undefined,
    });
  }
  if (role === "controller") return hosted;
  throw new HttpRefusal(403, "unauthorized", "only who steers a session may publish it");
}
