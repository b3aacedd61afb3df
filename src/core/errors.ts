/** Every failure a caller can act on, with a stable code that is safe to send to a client. */

const MARKER = Symbol.for("zoetrope.error");

/** What the owner of a failed operation should do next. */
export type Recovery = "retry" | "reset-cache" | "end-session" | "refuse";

/** Stable, documented error codes (docs/protocol.md lists what each means and what to do). */
export type ErrorCode =
  | "bad_message"
  | "unknown_type"
  | "message_too_large"
  | "rate_limited"
  | "bad_control"
  | "unknown_control"
  | "bad_parameter"
  | "bad_request"
  | "unknown_model"
  | "unknown_session"
  | "unknown_start"
  | "unauthorized"
  | "session_limit"
  | "session_ended"
  | "session_idle"
  | "session_too_long"
  | "state_conflict"
  | "unsupported_codec"
  | "slow_consumer"
  | "config_invalid"
  | "package_invalid"
  | "package_digest"
  | "package_missing_file"
  | "package_shape"
  | "package_external_data"
  | "provider_unavailable"
  | "engine_lost"
  | "engine_hung"
  | "inference_failed"
  | "cache_overflow"
  | "snapshot_invalid"
  | "no_face"
  | "unsupported_input"
  | "speech_overflow"
  | "speech_unavailable"
  | "speech_failed"
  | "encoder_failed"
  | "unknown_recording"
  | "recording_limit"
  | "recording_failed"
  | "bad_upload"
  | "publication_failed"
  | "server_unreachable"
  | "internal";

/** Flat facts about an error; values are safe to log and to send. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean>>;

/** The plain form of a `StreamError`, as it crosses a process or a socket. */
export interface SerialisedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly recovery: Recovery;
  readonly detail: ErrorDetail;
}

/**
 * The one base of every error this project throws.
 *
 * `code` is stable and safe to send; `recovery` tells the owner what to do; `detail` holds the facts;
 * `cause` keeps the foreign error. Callers switch on `code`, never on the message.
 */
export class StreamError extends Error {
  readonly [MARKER] = true;
  readonly code: ErrorCode;
  readonly recovery: Recovery;
  readonly detail: ErrorDetail;

  constructor(
    code: ErrorCode,
    message: string,
    options: { recovery?: Recovery; detail?: ErrorDetail; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StreamError";
    this.code = code;
    this.recovery = options.recovery ?? "refuse";
    this.detail = options.detail ?? {};
  }

  /** Recognise a `StreamError`, also one made by another copy of this module. */
  static is(value: unknown): value is StreamError {
    return typeof value === "object" && value !== null && MARKER in value;
  }

  /** Rebuild an error that crossed a process boundary. */
  static from({ code, message, recovery, detail }: SerialisedError): StreamError {
    return new StreamError(code, message, { recovery, detail });
  }

  /** The form that may cross a process boundary or reach a client. */
  serialise(): SerialisedError {
    const { code, message, recovery, detail } = this;
    return { code, message, recovery, detail };
  }
}

/** Convert anything thrown by foreign code into a `StreamError`, once, where it enters. */
export function toStreamError(
  cause: unknown,
  code: ErrorCode = "internal",
  recovery: Recovery = "end-session",
): StreamError {
  if (StreamError.is(cause)) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StreamError(code, message, { recovery, cause });
}

/** Close a `switch` over a union; the compiler proves that no case is missing. */
export function unreachable(value: never): never {
  throw new StreamError("internal", `unhandled case ${JSON.stringify(value)}`);
}
