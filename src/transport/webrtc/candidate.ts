/** ICE candidates of a client (RFC 8839, section 5.1), and which of them the server may send checks to. */

import { StreamError } from "../../core/errors.ts";
import { addressClass, type TargetRules } from "./address-class.ts";

const PATTERN =
  /^candidate:[A-Za-z0-9+/]{1,32} ([12]) (udp|tcp) \d{1,10} (\S{1,253}) (\d{1,5}) typ (host|srflx|prflx|relay)(?: |$)/i;

/**
 * Whether the server should use the candidate that the attribute `value` describes: UDP, to an address that
 * `rules` allow. Names, `.local` ones included, are never looked up; TCP is not spoken.
 *
 * @throws {StreamError} `bad_request` when it cannot be read, or points where the rules refuse.
 */
export function isUsable(value: string, rules: TargetRules): boolean {
  const [, component, protocol, address, port] = PATTERN.exec(value) ?? [];
  if (address === undefined || Number(port) > 65_535) {
    throw new StreamError("bad_request", "a candidate cannot be read");
  }
  const isUdp = component === "1" && protocol?.toLowerCase() === "udp" && Number(port) > 0;
  return isUdp && isTarget(address, rules);
}

function isTarget(address: string, { classes, others }: TargetRules): boolean {
  const kind = addressClass(address);
  if (kind === undefined) return false;
  if (classes.has(kind)) return true;
  if (others === "refuse" || kind === "loopback" || isHostile(address)) {
    throw new StreamError("bad_request", "a candidate points where this server does not send");
  }
  return false;
}

/** Addresses that no interface of a client can have: unspecified, multicast and broadcast. */
const isHostile = (address: string): boolean =>
  /^(?:0\.|22[4-9]\.|2[345]\d\.|ff|[:0]+$)/i.test(address);
