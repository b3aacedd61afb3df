/** Which part of the network an address belongs to, and which parts a server may be asked to send to. */

import { BlockList, isIP } from "node:net";

/**
 * `public`: anybody's. `private`: only inside some network. `loopback`: only this machine.
 * `never`: no host that could be a peer: unspecified, link-local (where clouds keep their secrets), multicast,
 * broadcast and reserved.
 */
export type AddressClass = "public" | "private" | "loopback" | "never";

type Family = "ipv4" | "ipv6";
type Range = readonly [network: string, prefix: number, family: Family];

/** RFC 6890 and its registries; the first class that holds an address is its class. */
const LOOPBACK: readonly Range[] = [
  ["127.0.0.0", 8, "ipv4"],
  ["::1", 128, "ipv6"],
];
const PRIVATE: readonly Range[] = [
  ["10.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["fc00::", 7, "ipv6"],
];
const NEVER: readonly Range[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.88.99.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  // Teredo and 6to4 hide an IPv4 address inside.
  ["2001::", 32, "ipv6"],
  ["2002::", 16, "ipv6"],
];
/** The only IPv6 addresses that are anybody's (RFC 4291, section 2.4). */
const GLOBAL_UNICAST: readonly Range[] = [["2000::", 3, "ipv6"]];

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of ranges) list.addSubnet(network, prefix, family);
  return list;
}

const loopback = listOf(LOOPBACK);
const local = listOf(PRIVATE);
const never = listOf(NEVER);
const globalUnicast = listOf(GLOBAL_UNICAST);

/** The class of a numeric address; undefined when it is none. IPv4 inside IPv6 (`::ffff:…`) counts as IPv4. */
export function addressClass(address: string): AddressClass | undefined {
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  // A block list looks through IPv4-mapped addresses by itself.
  const family = version === 4 ? "ipv4" : "ipv6";
  if (never.check(address, family)) return "never";
  if (loopback.check(address, family)) return "loopback";
  if (local.check(address, family)) return "private";
  if (family === "ipv4" || globalUnicast.check(address, family)) return "public";
  return MAPPED.test(address) ? "public" : "never";
}

const MAPPED = /^(?:::|(?:0{1,4}:){5})ffff:/i;

/** Where candidates of a client may point to. */
export interface TargetRules {
  readonly classes: ReadonlySet<AddressClass>;
  /**
   * What happens to a candidate that points elsewhere. `drop`: it is left out, the others are used. `refuse`: so
   * is the whole offer. Candidates that no honest client of a public server sends, such as loopback, always
   * refuse the offer.
   */
  readonly others: "drop" | "refuse";
}

/**
 * The rules for a server that announces `addresses`.
 *
 * A server that has a public address is never made to send into a network behind it: only public targets are
 * left. One that has none is used by its neighbours: targets of its own classes are right, and public ones.
 * A client whose candidates were all dropped still connects, since its checks reach the server first.
 */
export function targetRules(
  addresses: readonly string[],
  others: TargetRules["others"],
): TargetRules {
  const own = addresses.map(addressClass).filter((kind) => kind !== undefined);
  const classes: readonly AddressClass[] = own.includes("public")
    ? ["public"]
    : ["public", ...own.filter((kind) => kind !== "never")];
  return { classes: new Set(classes), others };
}
