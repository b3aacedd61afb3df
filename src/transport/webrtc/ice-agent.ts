/** ICE (RFC 8445) by werift, kept from what it would do on its own. */

import type { Server } from "node:net";
import { networkInterfaces } from "node:os";
import {
  Candidate,
  Connection,
  type Message,
  parseIceServers,
  RTCIceGatherer,
  RTCIceParameters,
  RTCIceTransport,
  StunProtocol,
  TcpPassiveProtocol,
} from "werift";
import type { RtcNetwork } from "./contract.ts";
import type { IceCredentials } from "./sdp-lines.ts";

/** Each announced address costs a socket. */
const MOST_ADDRESSES = 8;
/** TCP connections to one of our sockets at once: one for each network that a client has. */
const MOST_CONNECTIONS = 8;
/** Seconds that a STUN or TURN server may take, while the client waits for its answer. */
const SERVER_PATIENCE = 2;

/** Ports are searched by trying them; two searches at once would find the same one. */
let gathering: Promise<unknown> = Promise.resolve();

/** Who chooses the path: whoever made the offer, unless it is the lite side (RFC 8445, section 6.1.1). */
export type IceRole = "controlling" | "controlled";

/** One side of a path to a peer. Lifetime: until `close`. */
export class IceAgent {
  /** What DTLS runs on. */
  readonly transport: RTCIceTransport;
  readonly #connection: Connection;
  readonly #network: RtcNetwork;
  readonly #remoteNames = new Set<string>();

  constructor(network: RtcNetwork, role: IceRole) {
    this.#network = network;
    const gatherer = new RTCIceGatherer({
      ...parseIceServers([...network.iceServers]),
      // Its own search for addresses knows no exact list.
      useIpv4: false,
      useIpv6: false,
      useTcp: network.tcp === true,
      additionalHostAddresses: [...(network.addresses ?? addressesHere())].slice(0, MOST_ADDRESSES),
      stunGatherTimeout: SERVER_PATIENCE,
      turnConnectTimeout: SERVER_PATIENCE,
      ...(network.ports !== undefined && {
        portRange: [network.ports.min, network.ports.max] as [number, number],
      }),
      filterStunResponse: (message) => this.#isFromPeer(message),
    });
    const { connection } = gatherer;
    if (!(connection instanceof Connection)) throw new TypeError("werift's ICE is another one");
    // With no server given it would ask a public one.
    if (!asksStun(network)) delete connection.stunServer;
    connection.iceControlling = role === "controlling";
    connection.onIceCandidate.subscribe(() => this.#guardSockets());
    this.#connection = connection;
    this.transport = new RTCIceTransport(gatherer);
  }

  get credentials(): IceCredentials {
    return { ufrag: this.#connection.localUsername, pwd: this.#connection.localPassword };
  }

  /** The other side's name in the present ICE session. */
  get remoteName(): string {
    return this.#connection.remoteUsername;
  }

  /** How many checks the peer has answered on the present path: it grows while the peer is there. */
  get answeredChecks(): number {
    return this.#connection.nominated?.responsesReceived ?? 0;
  }

  /** Values of `a=candidate`. TCP is only ever opened by the other side. */
  get candidates(): string[] {
    return this.#connection.localCandidates
      .filter(({ tcptype }) => tcptype !== "active")
      .map((candidate) => candidate.toSdp());
  }

  /** Open the sockets and collect the candidates. */
  async gather(): Promise<void> {
    const task = () => this.transport.gather();
    if (this.#network.ports === undefined) return task();
    const turn = gathering.then(task, task);
    gathering = turn.catch(() => undefined);
    return turn;
  }

  /** Name the other side. Begins anew when it was another one before. */
  setRemote({ ufrag, pwd }: IceCredentials, iceLite = false): void {
    this.#remoteNames.add(ufrag);
    this.transport.setRemoteParams(
      new RTCIceParameters({ usernameFragment: ufrag, password: pwd, iceLite }),
    );
  }

  addCandidates(candidates: readonly string[]): void {
    for (const text of candidates) {
      const candidate = Candidate.fromSdp(text.replace(/^candidate:/, ""));
      // It counts ICE sessions otherwise than browsers do.
      delete candidate.generation;
      void this.#connection.addRemoteCandidate(candidate);
    }
  }

  /** Look for a path, until there is one or `close`. */
  connect(): Promise<void> {
    return this.transport.start();
  }

  /** Send one datagram, when there is a path. */
  send(datagram: Buffer): void {
    this.#connection.send(datagram).catch(() => undefined);
  }

  close(): Promise<void> {
    return this.transport.stop();
  }

  /** Checks of others, who do not know both names, are not answered. */
  #isFromPeer(message: Message): boolean {
    const name: unknown = message.getAttributeValue("USERNAME");
    if (typeof name !== "string") return false;
    const [local = "", remote = ""] = name.split(":");
    return local in this.#connection.userHistory && this.#remoteNames.has(remote);
  }

  /** A socket without a listener for errors takes the process down when a network cannot be reached. */
  #guardSockets(): void {
    for (const protocol of this.#connection["protocols"]) {
      if (protocol instanceof TcpPassiveProtocol) {
        (protocol["server"] as Server).maxConnections = MOST_CONNECTIONS;
      }
      if (!(protocol instanceof StunProtocol)) continue;
      const { socket } = protocol.transport;
      if (socket.listenerCount("error") === 0) socket.on("error", () => undefined);
    }
  }
}

const asksStun = (network: RtcNetwork): boolean =>
  network.iceServers.some(({ urls }) => /^stuns?:/i.test(urls));

/** Addresses of this machine that others can reach; the machine's own when there is no network. */
function addressesHere(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const usable = all.filter(
    ({ address, internal }) => !internal && !/^(fe80:|169\.254\.)/i.test(address),
  );
  return (usable.length > 0 ? usable : all.filter(({ internal }) => internal)).map(
    ({ address }) => address,
  );
}
