import type { FastifyInstance, FastifyReply } from "fastify";
import { type ErrorCode, StreamError, toStreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { publicError } from "../event-messages.ts";
import { RETRY_AFTER } from "../sessions.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  bad_request: 400,
  bad_message: 400,
  unauthorized: 401,
  unknown_model: 404,
  unknown_session: 404,
  unknown_recording: 404,
  recording_limit: 409,
  recording_failed: 507,
  bad_upload: 422,
  session_ended: 409,
  state_conflict: 409,
  message_too_large: 413,
  unknown_start: 422,
  bad_parameter: 422,
  bad_control: 422,
  unknown_control: 422,
  unsupported_codec: 422,
  rate_limited: 429,
  session_limit: 503,
  engine_lost: 503,
  engine_hung: 503,
  provider_unavailable: 503,
};

/** The HTTP status that stands for `code`. */
const statusOf = (code: ErrorCode): number => STATUS[code] ?? 500;

/** Answer with `error`, as every failed request is answered. */
export function sendError(reply: FastifyReply, error: StreamError, status: number): FastifyReply {
  if (status === 503 || (status === 429 && error.recovery === "retry")) {
    const { retry_after_ms: wait = RETRY_AFTER } = error.detail;
    reply.header("retry-after", Math.ceil(Number(wait) / 1000));
  }
  return reply.code(status).send({ error: error.serialise() });
}

/** Of a body that is refused for its size, so much is read and thrown away; one that says more is cut off. */
const MOST_UNREAD = 8 * 2 ** 20;

/** Make every failure of `http` an error with a code. */
export function answerErrors(http: FastifyInstance, logger: Logger): void {
  http.setErrorHandler((cause, { headers }, reply) => {
    const status = (cause as { readonly statusCode?: number }).statusCode;
    // A client whose connection is closed while it still sends does not see the answer.
    if (status === 413 && Number(headers["content-length"]) <= MOST_UNREAD) {
      reply.removeHeader("connection");
    }
    if (!StreamError.is(cause) && status !== undefined && status < 500) {
      const message = cause instanceof Error ? cause.message : "the request is not understood";
      return sendError(reply, new StreamError("bad_request", message), status);
    }
    const error = toStreamError(cause, "internal", "refuse");
    if (statusOf(error.code) === 500) {
      logger.error(
        { code: error.code, reason: error.message, stack: error.stack },
        "request failed",
      );
    }
    return sendError(reply, publicError(error), statusOf(error.code));
  });
  http.setNotFoundHandler((_request, reply) =>
    sendError(reply, new StreamError("bad_request", "there is nothing at this path"), 404),
  );
}
