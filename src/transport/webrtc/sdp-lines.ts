/** Reads session descriptions and fragments line by line, within bounds, before anybody else does. */

import { StreamError } from "../../core/errors.ts";

/** What a description may be made of. */
export const SDP_LIMITS = {
  bytes: 65_536,
  lines: 2_000,
  lineCharacters: 1_024,
  mediaSections: 8,
  candidates: 64,
} as const;

/** One line: `a=mid:0` has the type `a` and the value `mid:0`. */
export interface SdpLine {
  readonly type: string;
  readonly value: string;
}

const refused = (why: string): StreamError => new StreamError("bad_request", why);
const PRINTABLE = /^[\t\x20-\x7e\x80-\uffff]*$/;

/**
 * The lines of `text`, ended by CRLF or LF. There are not too many of any kind when the first is given; reading stops
 * at the first that is wrong, so that the cost of a hostile text is that of its good beginning.
 *
 * @throws {StreamError} `message_too_large` above 64 KiB, `bad_request` for too many or too long lines, or one
 *   that is no `x=…`.
 */
export function* sdpLines(text: string): Generator<SdpLine> {
  checkCounts(text);
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf("\n", start);
    const end = feed === -1 ? text.length : feed;
    const line = lineOf(text, start, text[end - 1] === "\r" ? end - 1 : end);
    start = end + 1;
    if (line !== undefined) yield line;
  }
}

/** Looks at nothing but how often a line begins in the same way. */
function checkCounts(text: string): void {
  if (text.length > SDP_LIMITS.bytes || Buffer.byteLength(text) > SDP_LIMITS.bytes) {
    throw new StreamError(
      "message_too_large",
      `a description has at most ${SDP_LIMITS.bytes} bytes`,
    );
  }
  if (hasMore(text, "a=candidate:", SDP_LIMITS.candidates)) {
    throw new StreamError(
      "bad_request",
      `there are more than ${SDP_LIMITS.candidates} candidates`,
      {
        detail: { limit: SDP_LIMITS.candidates },
      },
    );
  }
  if (hasMore(text, "m=", SDP_LIMITS.mediaSections)) {
    throw refused(`a description has at most ${SDP_LIMITS.mediaSections} media sections`);
  }
  if (hasMore(text, "", SDP_LIMITS.lines)) throw refused("the description has too many lines");
}

/** Whether more than `most` lines of `text` begin with `beginning`. */
function hasMore(text: string, beginning: string, most: number): boolean {
  const found = `\n${beginning}`;
  let count = text.startsWith(beginning) ? 1 : 0;
  for (let at = text.indexOf(found); at !== -1 && count <= most; at = text.indexOf(found, at + 1)) {
    count += 1;
  }
  return count > most;
}

function lineOf(text: string, start: number, end: number): SdpLine | undefined {
  if (end === start) return undefined;
  if (end - start > SDP_LIMITS.lineCharacters)
    throw refused("a line of the description is too long");
  const line = text.slice(start, end);
  if (!/^[a-z]=/.test(line) || !PRINTABLE.test(line)) {
    throw refused("a line of the description cannot be read");
  }
  return { type: line.slice(0, 1), value: line.slice(2) };
}

/** An attribute `name:value`, or a flag without a value. */
export function attribute(value: string): readonly [name: string, value: string] {
  const colon = value.indexOf(":");
  return colon === -1 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
}

/** Name and secret of one side of an ICE session: what both sides of a check must know (RFC 8839, section 5.4). */
export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/** RFC 8839, section 5.4. @throws {StreamError} `bad_request`. */
export function checkUfrag(value: string): string {
  if (/^[A-Za-z0-9+/]{4,256}$/.test(value)) return value;
  throw refused("an ice-ufrag has 4 to 256 letters, digits, + and /");
}

/** RFC 8839, section 5.4. @throws {StreamError} `bad_request`. */
export function checkPwd(value: string): string {
  if (/^[A-Za-z0-9+/]{22,256}$/.test(value)) return value;
  throw refused("an ice-pwd has 22 to 256 letters, digits, + and /");
}

/** An identification tag, RFC 5888. @throws {StreamError} `bad_request`. */
export function checkMid(value: string): string {
  if (/^[A-Za-z0-9._~!#$%&'*+^`{|}-]{1,32}$/.test(value)) return value;
  throw refused("a mid has 1 to 32 characters of a token");
}
