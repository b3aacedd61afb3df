import type { FastifyInstance } from "fastify";
import { StreamError } from "../../core/errors.ts";
import { type KeptUpload, UPLOAD_LIMITS, type Uploads } from "../library/uploads.ts";

interface UploadPath {
  readonly Params: { readonly upload: string };
}

/** Bodies that are being received at once; each may be as large as an upload. */
const MOST_RECEIVING = 2;

/** Images, sounds and videos that clients bring: `/v1/uploads` and below. */
export function uploadRoutes(http: FastifyInstance, uploads: Uploads): void {
  http.get<UploadPath>("/v1/uploads/:upload", ({ params }) =>
    describe(uploads.find(params.upload)),
  );
  http.delete<UploadPath>("/v1/uploads/:upload", async ({ params }, reply) => {
    await uploads.remove(params.upload);
    return reply.code(204).send();
  });
  void http.register((scope, _options, done) => {
    receive(scope, uploads);
    done();
  });
}

/** The one route that takes bytes; what their type says is not believed. */
function receive(http: FastifyInstance, uploads: Uploads): void {
  let receiving = 0;
  http.removeAllContentTypeParsers();
  http.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  http.addHook("onRequest", async (_request, { raw }) => {
    if (receiving >= MOST_RECEIVING) {
      throw new StreamError("recording_limit", "too many uploads at once; try again later", {
        recovery: "retry",
        detail: { limit: MOST_RECEIVING },
      });
    }
    receiving += 1;
    raw.once("close", () => {
      receiving -= 1;
    });
  });
  http.post("/v1/uploads", { bodyLimit: UPLOAD_LIMITS.bytes }, async ({ body }, reply) => {
    if (!Buffer.isBuffer(body)) throw new StreamError("bad_upload", "an upload is a body of bytes");
    const kept = await uploads.add(body);
    return reply.code(201).header("location", `/v1/uploads/${kept.id}`).send(describe(kept));
  });
}

const describe = ({ id, upload: { description } }: KeptUpload) => ({
  id,
  kind: description.kind,
  format: description.format,
  width: description.width,
  height: description.height,
  seconds: description.seconds,
  sound: description.hasSound,
});
