import type { FastifyInstance } from "fastify";
import { parseParameterChange, parseSessionRequest } from "../../protocol/messages.ts";
import { cacheSettingsOf, inProtocolWords } from "../cache-messages.ts";
import { liveParametersOf, parameterChangeOf, updatedMessage } from "../event-messages.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { Sessions } from "../sessions.ts";

/** Path of the control and media socket. */
export const SOCKET_PATH = "/v1/realtime";

interface SessionPath {
  readonly Params: { readonly id: string };
}

/** Sessions from outside: `/v1/sessions` and below. */
export function sessionRoutes(http: FastifyInstance, sessions: Sessions): void {
  http.get("/v1/sessions", () => ({ sessions: sessions.all.map(describe) }));
  http.post("/v1/sessions", async ({ body, ip }, reply) => {
    const hosted = await sessions.create(parseSessionRequest(body), ip);
    return reply
      .code(201)
      .header("location", `/v1/sessions/${hosted.id}`)
      .send({
        ...describe(hosted),
        token: hosted.token,
        viewer_token: hosted.viewerToken,
        grace_ms: sessions.limits.grace,
        socket: SOCKET_PATH,
        whep: `/v1/sessions/${hosted.id}/whep`,
      });
  });
  http.get<SessionPath>("/v1/sessions/:id", ({ params }) => describe(sessions.find(params.id)));
  http.get<SessionPath>("/v1/sessions/:id/stats", ({ params }) => sessions.find(params.id).stats());
  http.patch<SessionPath>("/v1/sessions/:id", ({ params, body }) => {
    const hosted = sessions.find(params.id);
    const change = parameterChangeOf(parseParameterChange(body));
    inProtocolWords(() => hosted.session.change(change), "parameters");
    hosted.tell(updatedMessage(hosted.session));
    return describe(hosted);
  });
  http.delete<SessionPath>("/v1/sessions/:id", async ({ params }, reply) => {
    await sessions.find(params.id).session.end("stopped");
    return reply.code(204).send();
  });
}

const describe = (hosted: HostedSession) => ({
  id: hosted.id,
  model: hosted.model.id,
  state: hosted.session.state,
  viewers: hosted.viewers,
  created_at: hosted.createdAt.toISOString(),
  block: hosted.session.position.block,
  frame: hosted.session.position.frame,
  pts: hosted.session.position.pts,
  parameters: liveParametersOf(hosted.session.parameters),
  cache: cacheSettingsOf(hosted.session.cache),
});
