import type { ErrorCode } from "../core/errors.ts";

/** WebSocket close codes and why a connection gets each (docs/protocol.md, section "Closing"). */
export const CLOSE = {
  done: 1000,
  goingAway: 1001,
  protocol: 1008,
  tooBig: 1009,
  internal: 1011,
  tryLater: 1013,
  sessionEnded: 4000,
  idle: 4001,
  timeLimit: 4002,
  replaced: 4003,
  modelLost: 4005,
  slowConsumer: 4006,
} as const;

/** A close code this server sends. */
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

const BY_ERROR: Partial<Record<ErrorCode, CloseCode>> = {
  message_too_large: CLOSE.tooBig,
  session_limit: CLOSE.tryLater,
  session_ended: CLOSE.sessionEnded,
  session_idle: CLOSE.idle,
  session_too_long: CLOSE.timeLimit,
  slow_consumer: CLOSE.slowConsumer,
  engine_lost: CLOSE.modelLost,
  engine_hung: CLOSE.modelLost,
  internal: CLOSE.internal,
};

/** The close code for a connection that ends because of `code`. */
export const closeCodeFor = (code: ErrorCode): CloseCode => BY_ERROR[code] ?? CLOSE.protocol;
