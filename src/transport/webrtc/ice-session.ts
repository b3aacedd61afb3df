/** What a client changes of a connection's path later on (RFC 8840). */

import { StreamError } from "../../core/errors.ts";
import { readFragment, writeFragment } from "./ice.ts";
import type { Agreement } from "./negotiation.ts";
import type { PeerTransport } from "./peer-transport.ts";

/**
 * Add the candidates of a fragment.
 *
 * @throws {StreamError} `bad_request` when it cannot be read, `state_conflict` when it is of another ICE session.
 */
export function addTrickled(transport: PeerTransport, text: string): void {
  const { credentials, candidates } = readFragment(text);
  if (credentials !== undefined && credentials.ufrag !== transport.remoteName) {
    throw new StreamError("state_conflict", "the fragment is of another ICE session");
  }
  transport.addCandidates(candidates);
}

/**
 * Look for a path anew with the credentials and candidates of a fragment.
 *
 * @returns the fragment that answers it.
 * @throws {StreamError} `bad_request` when it cannot be read or has no new credentials, `rate_limited`.
 */
export async function restarted(
  transport: PeerTransport,
  agreement: Agreement,
  text: string,
): Promise<string> {
  const { credentials, candidates } = readFragment(text);
  if (credentials === undefined || credentials.ufrag === transport.remoteName) {
    throw new StreamError("bad_request", "a restart needs new ICE credentials");
  }
  await transport.restart(credentials, candidates);
  const [first] = agreement.media.values();
  return writeFragment(first?.mid ?? "0", transport.credentials, transport.candidates);
}
