/** ICE as text: credentials, candidates, and the fragments that change them later (RFC 8839, RFC 8840). */

import { isIP } from "node:net";
import { StreamError } from "../../core/errors.ts";
import { type Attribute, allOf, firstOf } from "./sdp.ts";

/** What both sides of a check must know (RFC 8839, section 5.4). */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

const MOST_FRAGMENT = 16_384;
const MOST_CANDIDATES = 32;

/** Read `a=ice-ufrag` and `a=ice-pwd`. @throws {StreamError} `bad_request` when they are missing or malformed. */
export function readCredentials(attributes: readonly Attribute[]): IceCredentials {
  const ufrag = firstOf(attributes, "ice-ufrag") ?? "";
  const password = firstOf(attributes, "ice-pwd") ?? "";
  const isValid = /^[\w+/-]{4,256}$/.test(ufrag) && /^[\w+/-]{22,256}$/.test(password);
  if (!isValid) throw new StreamError("bad_request", "ICE credentials are missing or malformed");
  return { ufrag, password };
}

/**
 * The candidates that are worth a check: UDP, with an address instead of a name.
 *
 * Names, such as those that hide a browser's addresses, would have to be looked up; whoever has one is learned from
 * its own checks. At most 32 are kept.
 */
export function usableCandidates(candidates: readonly string[]): string[] {
  const usable = candidates.filter((candidate) => {
    const [, component, transport, , address = "", port] = candidate.trim().split(" ");
    return (
      component === "1" &&
      transport?.toLowerCase() === "udp" &&
      isIP(address) !== 0 &&
      Number(port) > 0 &&
      Number(port) < 65_536
    );
  });
  return [...new Set(usable)].slice(0, MOST_CANDIDATES);
}

/** What a fragment tells of the other side. */
export interface IceFragment {
  readonly credentials: IceCredentials | undefined;
  readonly candidates: readonly string[];
}

/** Read an `application/trickle-ice-sdpfrag`. @throws {StreamError} `bad_request` when it is none. */
export function readFragment(text: string): IceFragment {
  if (text.length > MOST_FRAGMENT) {
    throw new StreamError("bad_request", `a fragment is at most ${MOST_FRAGMENT} characters`);
  }
  const attributes = text.split(/\r?\n/).flatMap((line): Attribute[] => {
    const match = /^a=([\w-]+):?(.*)$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? "", value: match[2] ?? "" }];
  });
  if (attributes.length === 0) throw new StreamError("bad_request", "the fragment says nothing");
  const hasCredentials = attributes.some(({ name }) => name === "ice-ufrag" || name === "ice-pwd");
  return {
    credentials: hasCredentials ? readCredentials(attributes) : undefined,
    candidates: usableCandidates(allOf(attributes, "candidate")),
  };
}

/** Write the fragment that tells the other side of new credentials and all candidates. */
export function writeFragment(
  mid: string,
  credentials: IceCredentials,
  candidates: readonly string[],
): string {
  return [
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.password}`,
    "m=audio 9 RTP/AVP 0",
    `a=mid:${mid}`,
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    "a=end-of-candidates",
    "",
  ].join("\r\n");
}
