/** ICE servers as a person writes them, and as clients are told them. */

import { StreamError } from "../core/errors.ts";
import type { IceServer } from "../transport/webrtc/contract.ts";

const PATTERN =
  /^(stun|turn|turns):((?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::\d{1,5})?)(?:\?([\x21-\x7e]*))?$/;
const TRANSPORTS: readonly (string | null)[] = [null, "udp", "tcp"];

/**
 * Read `stun:host:port` or `turn:host:port?user=NAME&credential=SECRET`, the query percent-encoded, with
 * `transport=tcp` besides where that is wanted (RFC 7064, RFC 7065).
 *
 * @throws {StreamError} `config_invalid`.
 */
export function parseIceServer(text: string): IceServer {
  const [, scheme, host, query = ""] = PATTERN.exec(text) ?? [];
  const { user, credential, transport } = namedIn(query);
  const needsSecret = scheme !== "stun";
  const hasSecret = isQuotable(user) && isQuotable(credential);
  if (host === undefined || !TRANSPORTS.includes(transport) || needsSecret !== hasSecret) {
    throw new StreamError(
      "config_invalid",
      "an ICE server is stun:HOST:PORT or turn:HOST:PORT?user=NAME&credential=SECRET",
    );
  }
  const urls = `${scheme ?? ""}:${host}${transport === null ? "" : `?transport=${transport}`}`;
  return hasSecret ? { urls, username: user, credential } : { urls };
}

/** Whether `parseIceServer` reads `text`. */
export function isIceServer(text: string): boolean {
  try {
    parseIceServer(text);
    return true;
  } catch {
    return false;
  }
}

/** The value of a `Link` header that tells a client of `server` (RFC 9725, section 4.6). */
export function iceLink({ urls, username, credential }: IceServer): string {
  const link = `<${urls}>; rel="ice-server"`;
  if (username === undefined || credential === undefined) return link;
  return `${link}; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
}

/** Most ICE servers of another server that are used. */
const MOST_SERVERS = 8;

/** The ICE servers that a `Link` header tells of; what is none, or cannot be read, is left out. */
export const iceServersOf = (header: string): IceServer[] =>
  header
    .slice(0, 8192)
    .split(/,\s*(?=<)/)
    .flatMap((link) => serverOf(link))
    .slice(0, MOST_SERVERS);

function serverOf(link: string): IceServer[] {
  const [, urls = "", rest = ""] = /^\s*<([^<>]{1,512})>(.*)$/.exec(link) ?? [];
  const values = new Map(
    [...rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g)].map(
      ([, name = "", inQuotes, bare = ""]) => [
        name.toLowerCase(),
        inQuotes?.replaceAll(/\\(.)/g, "$1") ?? bare,
      ],
    ),
  );
  const [, scheme, , query = ""] = PATTERN.exec(urls) ?? [];
  const isKnown = TRANSPORTS.includes(namedIn(query).transport);
  if (scheme === undefined || !isKnown || values.get("rel") !== "ice-server") return [];
  if (scheme === "stun") return [{ urls }];
  const [username, credential] = [values.get("username"), values.get("credential")];
  return username === undefined || credential === undefined ? [] : [{ urls, username, credential }];
}

function namedIn(query: string) {
  const values = new URLSearchParams(query);
  return {
    user: values.get("user"),
    credential: values.get("credential"),
    transport: values.get("transport"),
  };
}

const isQuotable = (text: string | null): text is string =>
  text !== null && /^[\x20-\x7e]{1,256}$/.test(text);

/** A quoted string, RFC 9110, section 5.6.4. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
