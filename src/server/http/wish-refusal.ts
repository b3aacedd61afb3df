import type { FastifyReply } from "fastify";
import { type ErrorCode, type ErrorDetail, StreamError } from "../../core/errors.ts";
import { RETRY_AFTER } from "../sessions.ts";
import { sendError } from "./errors.ts";

/** A refusal whose status its code alone does not tell. */
export class HttpRefusal extends StreamError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(code, message, { detail });
    this.status = status;
  }
}

/** Statuses that WHEP and WHIP give to codes; the others have those of every other path. */
const STATUS: Partial<Record<ErrorCode, number>> = { unsupported_codec: 406, rate_limited: 429 };

/**
 * Answer `cause` as WHEP and WHIP want it; what has the same status everywhere is thrown on.
 *
 * A conflict is one of time here, so it says when to come again.
 */
export function refuse(reply: FastifyReply, cause: unknown): FastifyReply {
  if (!StreamError.is(cause)) throw cause;
  const status = cause instanceof HttpRefusal ? cause.status : STATUS[cause.code];
  if (status === 401) {
    const wrong = cause.detail["presented"] === true ? ', error="invalid_token"' : "";
    reply.header("www-authenticate", `Bearer realm="session"${wrong}`);
  }
  if (status === undefined && (cause.code === "session_ended" || cause.code === "state_conflict")) {
    reply.header("retry-after", Math.ceil(RETRY_AFTER / 1000));
    return sendError(reply, cause, 409);
  }
  if (status === undefined) throw cause;
  return sendError(reply, cause, status);
}
