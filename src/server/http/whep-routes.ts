import type { FastifyInstance } from "fastify";
import { StreamError } from "../../core/errors.ts";
import { as, type BitsPerSecond } from "../../core/units.ts";
import type { TargetRules } from "../../transport/webrtc/address-class.ts";
import type { IceServer } from "../../transport/webrtc/contract.ts";
import { iceLink } from "../ice-servers.ts";
import type { Sessions } from "../sessions.ts";
import type { OpenRtcViewer, RtcWish } from "../viewers/rtc-viewer.ts";
import { WishResources } from "./wish-resource.ts";
import { bodyOf, created, patched, removed, SDP, type WishPath, wishScope } from "./wish-scope.ts";

/** What WHEP is served with. */
export interface WhepParts {
  readonly sessions: Sessions;
  readonly open: OpenRtcViewer;
  readonly iceServers: readonly IceServer[];
  readonly targets: TargetRules;
  /** Most viewers at once, of all sessions together. */
  readonly most: number;
}

/** Most viewers of one session over WHEP. */
const MOST_PER_SESSION = 64;
/** As `media.bitrate` of a session's start. */
const BITRATE = { least: 100_000, most: 20_000_000, usual: 1_500_000 } as const;

/** Watching a session over WebRTC: `/v1/sessions/{id}/whep` (draft-ietf-wish-whep-03). */
export function whepRoutes(httpOfAll: FastifyInstance, parts: WhepParts): void {
  const { sessions, open, most, targets, iceServers } = parts;
  const links = iceServers.map(iceLink);
  const viewers = new WishResources("play", { most, mostPerSession: MOST_PER_SESSION, targets });
  wishScope(httpOfAll, sessions, (scope) => {
    const { http } = scope;
    http.post<WishPath>(
      "/v1/sessions/:id/whep",
      scope.handle(async (request, reply) => {
        const { hosted, role } = scope.caller(request);
        const offer = bodyOf(request, SDP);
        const wish = wishOf(request.query as Query);
        const viewer = await viewers.open(hosted.id, offer, ({ sdp }) =>
          open(hosted, role, sdp, wish),
        );
        return created(reply, `/v1/sessions/${hosted.id}/whep`, viewer, links);
      }),
    );
    http.get<WishPath>("/v1/sessions/:id/whep", (_request, reply) => reply.code(204).send());
    http.get<WishPath>(
      "/v1/sessions/:id/whep/:resource",
      scope.handle(({ params }, reply) => {
        const { etag } = viewers.find(params.id, params.resource);
        return reply.code(204).header("etag", etag).send();
      }),
    );
    http.patch<WishPath>(
      "/v1/sessions/:id/whep/:resource",
      scope.handle((request, reply) => patched(viewers, request, reply)),
    );
    http.delete<WishPath>(
      "/v1/sessions/:id/whep/:resource",
      scope.handle((request, reply) => removed(viewers, request, reply)),
    );
  });
}

interface Query {
  readonly delay?: string | readonly string[];
  readonly bitrate?: string | readonly string[];
}

function wishOf({ delay = "default", bitrate = String(BITRATE.usual) }: Query): RtcWish {
  if (delay !== "low" && delay !== "default") throw refused("`delay` is low or default");
  const wanted = typeof bitrate === "string" && /^\d{1,9}$/.test(bitrate) ? Number(bitrate) : 0;
  if (wanted < BITRATE.least || wanted > BITRATE.most) {
    throw refused(`\`bitrate\` is ${BITRATE.least} to ${BITRATE.most} bit/s`);
  }
  return { delay, bitrate: as<BitsPerSecond>(wanted) };
}

const refused = (why: string): StreamError => new StreamError("bad_parameter", why);
