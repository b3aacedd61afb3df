/** One encrypted path to a peer: ICE, DTLS and SRTP (RFC 8445, RFC 6347, RFC 5764), by werift. */

import { setImmediate } from "node:timers/promises";
import { isMedia, isRtcp, RTCDtlsParameters, RTCDtlsTransport, type RtpHeader } from "werift";
import type { Clock } from "../../core/clock.ts";
import { StreamError, toStreamError } from "../../core/errors.ts";
import { as, type Millis } from "../../core/units.ts";
import type { RtcNetwork } from "./contract.ts";
import { IceAgent, type IceRole } from "./ice-agent.ts";
import type { Agreement } from "./negotiation.ts";
import { firstOf } from "./sdp.ts";
import type { IceCredentials } from "./sdp-lines.ts";
import { holdKeys } from "./srtp-keys.ts";

/** What a path tells. Nothing is called after `closed`. */
export interface TransportHandlers {
  connected(): void;
  /** A packet came in, decrypted. */
  rtp(packet: Buffer): void;
  rtcp(packet: Buffer): void;
  /** Told once; `silent` is how long the peer had given no sign of life, where that is the reason. */
  closed(reason: string, silent: Millis): void;
}

/** SRTP profiles, best first: AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80 (RFC 7714, RFC 5764). */
const SRTP_PROFILES: ConstructorParameters<typeof RTCDtlsTransport>[3] = [7, 1];
/** DTLS record types and handshake messages (RFC 6347). */
const RECORD = { header: 13, alert: 21, handshake: 22, data: 23, clientHello: 1 } as const;
/** Each leaves a pair of names behind that stays valid. */
const MOST_RESTARTS = 50;
/** Chromium reports every second, and checks of the path are answered every five. */
const MOST_SILENCE: Millis = as(15_000);
const LOOK_EVERY: Millis = as(1_000);
const CLOSE_NOTIFY = Buffer.of(1, 0);

/**
 * Lifetime: from `open`, which holds sockets, until `closed` was told. The certificate is the process's own: one for
 * all connections.
 */
export class PeerTransport {
  /** What data channels run on. */
  readonly dtls: RTCDtlsTransport;
  readonly #ice: IceAgent;
  #handlers: TransportHandlers | undefined;
  readonly #clock: Clock;
  readonly #life = new AbortController();
  #isConnected = false;
  #restarts = 0;
  #packets = 0;
  /** When the peer last gave a sign of life. */
  #heardAt: Millis;

  private constructor(ice: IceAgent, dtls: RTCDtlsTransport, clock: Clock) {
    this.#ice = ice;
    this.dtls = dtls;
    this.#clock = clock;
    this.#heardAt = clock.now();
  }

  /** Open the sockets for a peer that is known; `start` begins to look for it. */
  static async open(network: RtcNetwork, agreement: Agreement): Promise<PeerTransport> {
    const transport = await PeerTransport.prepare(network, "controlled");
    transport.meet(agreement);
    return transport;
  }

  /** Open the sockets and find the candidates, before there is a peer; `meet` names it. */
  static async prepare(network: RtcNetwork, role: IceRole): Promise<PeerTransport> {
    const certificate = await RTCDtlsTransport.SetupCertificate();
    const ice = new IceAgent(network, role);
    const dtls = new RTCDtlsTransport({}, ice.transport, certificate, SRTP_PROFILES);
    // Packets are decrypted and read here, where broken ones harm nobody.
    dtls.srtpStarted = true;
    await ice.gather();
    return new PeerTransport(ice, dtls, network.clock);
  }

  /** Learn who the peer is. */
  meet({ offer, ice, candidates, fingerprints, isClient }: Agreement): void {
    this.dtls.role = isClient ? "server" : "client";
    this.dtls.setRemoteParams(new RTCDtlsParameters([...fingerprints], "auto"));
    this.#ice.setRemote(ice, firstOf(offer.attributes, "ice-lite") !== undefined);
    this.#ice.addCandidates(candidates);
  }

  get credentials(): IceCredentials {
    return this.#ice.credentials;
  }

  /** The peer's name in the present ICE session. */
  get remoteName(): string {
    return this.#ice.remoteName;
  }

  get candidates(): string[] {
    return this.#ice.candidates;
  }

  get fingerprint(): { readonly algorithm: string; readonly value: string } {
    const [print] = this.dtls.localParameters.fingerprints;
    if (print === undefined) throw new TypeError("the certificate has no fingerprint");
    return print;
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.isClosed;
  }

  get isClosed(): boolean {
    return this.#life.signal.aborted;
  }

  /** Look for the peer and greet it; what comes of it is told to the handlers. */
  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    const { transport } = this.#ice;
    // `disconnected` passes; a path that fails for good is reported as `failed`.
    transport.onStateChange.subscribe((state) => {
      if (state === "failed") this.close("the path to the peer was lost");
    });
    this.dtls.onStateChange.subscribe((state) => {
      if (state === "closed") this.close("the peer left");
      if (state === "failed") this.close("DTLS failed");
    });
    transport.connection.onData.subscribe((datagram) => this.#received(datagram));
    this.#connect().catch((cause: unknown) => this.close(toStreamError(cause).message));
  }

  /** Encrypt and send one packet. @returns bytes on the wire. */
  sendRtp(payload: Uint8Array, header: RtpHeader): number {
    if (!this.isConnected) return 0;
    const datagram = this.dtls.srtp.encrypt(asBuffer(payload), header);
    this.#ice.send(datagram);
    return datagram.length;
  }

  sendRtcp(packet: Buffer): void {
    if (this.isConnected) this.#ice.send(this.dtls.srtcp.encrypt(packet));
  }

  addCandidates(candidates: readonly string[]): void {
    this.#ice.addCandidates(candidates);
  }

  /** Look for a path again, under new names on both sides. The peer and its keys stay the same. */
  async restart(remote: IceCredentials, candidates: readonly string[]): Promise<void> {
    if (++this.#restarts > MOST_RESTARTS) {
      throw new StreamError("rate_limited", `a path is looked for ${MOST_RESTARTS} times at most`);
    }
    this.#heardAt = this.#clock.now();
    this.#ice.setRemote(remote);
    await this.#ice.gather();
    this.#ice.addCandidates(candidates);
    this.#ice.connect().catch(() => this.close("the path to the peer was lost"));
  }

  /** Say goodbye and release the sockets; tells `closed`, with how long the peer had been silent. */
  close(reason: string, silent: Millis = as(0)): void {
    if (this.isClosed) return;
    const wasConnected = this.#isConnected;
    this.#life.abort();
    void this.#release(wasConnected);
    this.#handlers?.closed(reason, silent);
  }

  async #connect(): Promise<void> {
    await this.#ice.connect();
    if (!this.isClosed) await this.dtls.start();
    if (this.isClosed) return;
    this.dtls.updateSrtpSession();
    holdKeys(this.dtls);
    this.#guardRecords();
    this.#isConnected = true;
    void this.#watch();
    this.#handlers?.connected();
  }

  /** Let go of a peer that is silent; its consent (RFC 7675) would run out only later. */
  async #watch(): Promise<void> {
    let signs = -1;
    try {
      for (;;) {
        await this.#clock.sleep(LOOK_EVERY, this.#life.signal);
        const now = this.#clock.now();
        const seen = this.#packets + this.#ice.answeredChecks;
        if (seen !== signs) this.#heardAt = now;
        signs = seen;
        const silent: Millis = as(now - this.#heardAt);
        if (silent >= MOST_SILENCE) this.close("the peer gave no sign of life", silent);
      }
    } catch {
      // Only the end of the connection interrupts the sleep.
    }
  }

  async #release(wasConnected: boolean): Promise<void> {
    try {
      if (wasConnected) await this.#sayGoodbye();
      // Datagrams leave after this turn; a closed socket would swallow them.
      await setImmediate();
    } finally {
      await this.dtls.stop().catch(() => undefined);
      await this.#ice.close().catch(() => undefined);
    }
  }

  #received(datagram: Buffer): void {
    if (!this.isConnected || !isMedia(datagram)) return;
    let packet: Buffer;
    const isControl = isRtcp(datagram);
    try {
      packet = isControl ? this.dtls.srtcp.decrypt(datagram) : this.dtls.srtp.decrypt(datagram);
    } catch {
      // Not from the peer, or damaged.
      return;
    }
    this.#packets += 1;
    if (isControl) this.#handlers?.rtcp(packet);
    else this.#handlers?.rtp(packet);
  }

  /** Plain greetings and alerts would reset or end a connection that stands; anyone could send them. */
  #guardRecords(): void {
    const socket = this.dtls.dtls?.transport.socket;
    const deliver = socket?.onData;
    if (socket === undefined || deliver === undefined) return;
    socket.onData = (datagram, address) => {
      if (!isForged(datagram)) deliver(datagram, address);
    };
  }

  /** werift sends application data only; an alert differs in its record type. */
  async #sayGoodbye(): Promise<void> {
    const { dtls } = this.dtls;
    if (dtls === undefined) return;
    const { cipher } = dtls;
    const encrypt = cipher.encryptPacket.bind(cipher);
    cipher.encryptPacket = (record) => {
      record.recordLayerHeader.contentType = RECORD.alert;
      return encrypt(record);
    };
    await dtls.send(CLOSE_NOTIFY).catch(() => undefined);
    cipher.encryptPacket = encrypt;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function isForged(datagram: Buffer): boolean {
  for (let at = 0; at + RECORD.header < datagram.length; ) {
    const type = datagram[at];
    const epoch = datagram.readUInt16BE(at + 3);
    const isGreeting =
      type === RECORD.handshake && datagram[at + RECORD.header] === RECORD.clientHello;
    if (epoch === 0 && (type === RECORD.alert || isGreeting)) return true;
    at += RECORD.header + datagram.readUInt16BE(at + 11);
  }
  return false;
}
