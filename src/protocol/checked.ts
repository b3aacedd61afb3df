import type { z } from "zod";
import { type ErrorDetail, StreamError } from "../core/errors.ts";

/**
 * `value` as `schema` makes it.
 *
 * @throws {StreamError} `bad_parameter` naming the offending path, `label` in front.
 */
export function checked<T extends z.ZodType>(
  schema: T,
  value: unknown,
  { label, echo = {} }: { readonly label: string; readonly echo?: ErrorDetail },
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  throw new StreamError(
    "bad_parameter",
    `${label}: ${path || "message"}: ${issue?.message ?? "invalid"}`,
    { detail: { ...echo, path } },
  );
}
