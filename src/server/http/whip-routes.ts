import type { FastifyInstance } from "fastify";
import type { TargetRules } from "../../transport/webrtc/address-class.ts";
import type { IceServer } from "../../transport/webrtc/contract.ts";
import { iceLink } from "../ice-servers.ts";
import type { Ingress } from "../ingress/ingress.ts";
import type { Sessions } from "../sessions.ts";
import { HttpRefusal } from "./wish-refusal.ts";
import { WishResources } from "./wish-resource.ts";
import {
  bodyOf,
  type Caller,
  created,
  patched,
  removed,
  SDP,
  type WishPath,
  wishScope,
} from "./wish-scope.ts";

/** What WHIP is served with. */
export interface WhipParts {
  readonly sessions: Sessions;
  readonly ingress: Ingress;
  readonly iceServers: readonly IceServer[];
  readonly targets: TargetRules;
  /** Most publishers at once, of all sessions together. */
  readonly most: number;
}

/** Publishing a camera and a microphone into a session: `/v1/sessions/{id}/whip` (RFC 9725). */
export function whipRoutes(httpOfAll: FastifyInstance, parts: WhipParts): void {
  const { sessions, ingress, most, targets, iceServers } = parts;
  const links = iceServers.map(iceLink);
  // One a session: the ingress says so better, with a conflict.
  const publishers = new WishResources("publish", { most, mostPerSession: most, targets });
  wishScope(httpOfAll, sessions, (scope) => {
    const { http } = scope;
    http.post<WishPath>(
      "/v1/sessions/:id/whip",
      scope.handle(async (request, reply) => {
        const { hosted } = publisherOf(scope.caller(request));
        const offer = bodyOf(request, SDP);
        const publisher = await publishers.open(hosted.id, offer, ({ sdp }) =>
          ingress.open(hosted, sdp),
        );
        return created(reply, `/v1/sessions/${hosted.id}/whip`, publisher, links);
      }),
    );
    http.get<WishPath>(
      "/v1/sessions/:id/whip",
      scope.handle(({ params }) => ({ publisher: ingress.figures(params.id) ?? null })),
    );
    http.get<WishPath>(
      "/v1/sessions/:id/whip/:resource",
      scope.handle(({ params }, reply) => {
        const { etag } = publishers.find(params.id, params.resource);
        return reply.code(204).header("etag", etag).send();
      }),
    );
    http.patch<WishPath>(
      "/v1/sessions/:id/whip/:resource",
      scope.handle((request, reply) => {
        publisherOf(scope.caller(request));
        return patched(publishers, request, reply);
      }),
    );
    http.delete<WishPath>(
      "/v1/sessions/:id/whip/:resource",
      scope.handle((request, reply) => {
        publisherOf(scope.caller(request));
        return removed(publishers, request, reply);
      }),
    );
  });
}

/** @throws {HttpRefusal} 403 for those who only watch. */
function publisherOf(caller: Caller): Caller {
  if (caller.role === "controller") return caller;
  throw new HttpRefusal(403, "unauthorized", "only who steers the session may publish");
}
