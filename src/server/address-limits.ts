import { isIPv6 } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Millis } from "../core/units.ts";
import { type Rate, RateLimit } from "../transport/rate-limit.ts";

/** Addresses that are remembered; of more, those that did not come for longest are forgotten. */
const MOST_ADDRESSES = 4_096;
/** Groups of an IPv6 address that name its network: whoever has one of these has them all (RFC 6177). */
const NETWORK_GROUPS = 4;
const ADDRESS_GROUPS = 8;

/** One rate for each address that asks. Bounded, however many addresses there are. */
export class AddressLimits {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #limits = new Map<string, RateLimit>();

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Take one for `address`; how long to wait when there is none left, undefined when there was. */
  take(address: string): Millis | undefined {
    const network = networkOf(address);
    const limit = this.#limits.get(network) ?? new RateLimit(this.#clock, this.#rate);
    this.#limits.delete(network);
    this.#limits.set(network, limit);
    const [oldest] = this.#limits.keys();
    if (this.#limits.size > MOST_ADDRESSES && oldest !== undefined) this.#limits.delete(oldest);
    return limit.take() ? undefined : limit.wait;
  }
}

/** What one party is known by: an IPv4 address, or the network of an IPv6 address. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = [], tail] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = tail === undefined ? 0 : ADDRESS_GROUPS - head.length - tail.length;
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...(tail ?? [])];
  return groups.slice(0, NETWORK_GROUPS).join(":");
}
