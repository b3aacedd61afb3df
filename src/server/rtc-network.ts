/** What the configuration says about WebRTC's network: where to listen, and where clients may point. */

import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Clock } from "../core/clock.ts";
import { type TargetRules, targetRules } from "../transport/webrtc/address-class.ts";
import type { RtcNetwork } from "../transport/webrtc/contract.ts";
import { type Config, isLoopback, portsOf } from "./config.ts";
import { parseIceServer } from "./ice-servers.ts";

type NetworkConfig = Pick<
  Config,
  "host" | "ice" | "rtcAddresses" | "rtcPorts" | "rtcTcp" | "rtcCandidates"
>;

/** The network of every WebRTC connection. */
export function rtcNetwork(config: NetworkConfig, clock: Clock): RtcNetwork {
  const addresses = announced(config);
  const ports = config.rtcPorts === undefined ? undefined : portsOf(config.rtcPorts);
  return {
    clock,
    iceServers: config.ice.map(parseIceServer),
    tcp: config.rtcTcp,
    ...(addresses !== undefined && { addresses }),
    ...(ports !== undefined && { ports }),
  };
}

/** Where candidates of clients may point: see `targetRules`. */
export const clientTargets = (config: NetworkConfig): TargetRules =>
  targetRules(announced(config) ?? ofInterfaces(), config.rtcCandidates);

/** Addresses that are announced; those of all interfaces when undefined. */
function announced({ host, rtcAddresses }: NetworkConfig): readonly string[] | undefined {
  if (rtcAddresses !== undefined) return rtcAddresses;
  if (isLoopback(host)) return [isIP(host) === 0 ? "127.0.0.1" : host];
  return isIP(host) === 0 || host === "0.0.0.0" || host === "::" ? undefined : [host];
}

const ofInterfaces = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
