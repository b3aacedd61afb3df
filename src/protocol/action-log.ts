/**
 * An action log: what somebody did in a session, so that it can be played again.
 *
 * As JSON, one object with `actions`. As JSON lines, one action a line, with the other keys in a first line
 * of their own.
 */

import { z } from "zod";
import { StreamError } from "../core/errors.ts";

const action = z.strictObject({
  /** The change shows from the block that holds this frame on. */
  frame: z.number().int().min(0),
  values: z.record(z.string().min(1).max(64), z.union([z.number(), z.string().max(64)])),
});

const beginning = z.strictObject({
  model: z.string().max(64).exactOptional(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).exactOptional(),
  start: z.string().max(64).exactOptional(),
  steps: z.number().int().min(1).max(64).exactOptional(),
  frames: z.number().int().min(1).exactOptional(),
});

const actionLog = beginning.extend({ actions: z.array(action).default([]) });

/** A whole log; what it leaves out is for its player to choose. */
export type ActionLog = z.output<typeof actionLog>;

/**
 * Read a log, JSON or JSON lines; actions come out in the order of their frames.
 *
 * @throws {StreamError} `bad_request` naming the line or the key that is wrong.
 */
export function parseActionLog(text: string): ActionLog {
  const log = checked(actionLog, isOneObject(text) ? jsonOf(text, "the log") : fromLines(text));
  return { ...log, actions: log.actions.toSorted((a, b) => a.frame - b.frame) };
}

function isOneObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !("frame" in value);
  } catch {
    return false;
  }
}

function fromLines(text: string): Record<string, unknown> {
  const rows = text
    .split("\n")
    .map((line, i) => ({ line: line.trim(), name: `line ${i + 1}` }))
    .filter(({ line }) => line !== "")
    .map(({ line, name }) => jsonOf(line, name));
  const [first] = rows;
  const hasBeginning = first !== undefined && !("frame" in first);
  return { ...(hasBeginning && first), actions: hasBeginning ? rows.slice(1) : rows };
}

function jsonOf(text: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StreamError("bad_request", `action log: ${name} is not JSON`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new StreamError("bad_request", `action log: ${name} is not an object`);
}

function checked(schema: typeof actionLog, value: unknown): ActionLog {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  throw new StreamError(
    "bad_request",
    `action log: ${path || "it"}: ${issue?.message ?? "invalid"}`,
  );
}
