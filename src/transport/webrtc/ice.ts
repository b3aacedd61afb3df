/** ICE as text: credentials, candidates, and the fragments that change them later (RFC 8839, RFC 8840). */

import { isIP } from "node:net";
import { StreamError } from "../../core/errors.ts";
import { type Attribute, allOf, firstOf, readAttribute } from "./sdp.ts";
import { checkPwd, checkUfrag, type IceCredentials, sdpLines } from "./sdp-lines.ts";

const MOST_CANDIDATES = 32;

/** Read `a=ice-ufrag` and `a=ice-pwd`. @throws {StreamError} `bad_request` when they are missing or malformed. */
export const readCredentials = (attributes: readonly Attribute[]): IceCredentials => ({
  ufrag: checkUfrag(firstOf(attributes, "ice-ufrag") ?? ""),
  pwd: checkPwd(firstOf(attributes, "ice-pwd") ?? ""),
});

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

/** Read an `application/trickle-ice-sdpfrag`. @throws {StreamError} those of `sdpLines`; `bad_request` when it is none. */
export function readFragment(text: string): IceFragment {
  const attributes: Attribute[] = [];
  for (const { type, value } of sdpLines(text)) {
    if (type === "a") attributes.push(readAttribute(value));
  }
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
    `a=ice-pwd:${credentials.pwd}`,
    "m=audio 9 RTP/AVP 0",
    `a=mid:${mid}`,
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    "a=end-of-candidates",
    "",
  ].join("\r\n");
}
