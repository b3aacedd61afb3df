import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FastifyReply } from "fastify";
import { StreamError } from "../../core/errors.ts";

/** Bytes of a file, the last one included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of a file of `size` bytes (RFC 9110, section 14.1.2): one range, `undefined` for
 * the whole file, also when the header makes no sense or names several, or "unsatisfiable".
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const [whole, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (whole === undefined || whole === "bytes=-") return undefined;
  if (first === "") return within({ start: Math.max(size - Number(last), 0), end: size - 1 }, size);
  if (last === "") return within({ start: Number(first), end: size - 1 }, size);
  if (Number(last) < Number(first)) return undefined;
  return within({ start: Number(first), end: Math.min(Number(last), size - 1) }, size);
}

const within = (range: ByteRange, size: number): ByteRange | "unsatisfiable" =>
  range.start < size ? range : "unsatisfiable";

/**
 * Answer with a file that may still grow: as it is now, or the part of it that the header
 * `wanted` names.
 *
 * @throws {StreamError} `unknown_recording` when there is no such file.
 */
export async function sendFile(
  reply: FastifyReply,
  { path, type, name }: { readonly path: string; readonly type: string; readonly name: string },
  wanted: string | undefined,
): Promise<FastifyReply> {
  const { size } = await stat(path).catch(() => {
    throw new StreamError("unknown_recording", "there is no file of this recording");
  });
  reply.headers({
    "accept-ranges": "bytes",
    "cache-control": "private, no-store",
    "content-disposition": `inline; filename="${name}"`,
  });
  const range = rangeOf(wanted, size);
  if (range === "unsatisfiable") {
    return reply.code(416).header("content-range", `bytes */${size}`).send();
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  reply.type(type).header("content-length", end - start + 1);
  if (range !== undefined) reply.code(206).header("content-range", `bytes ${start}-${end}/${size}`);
  return size === 0 ? reply.send("") : reply.send(createReadStream(path, { start, end }));
}
