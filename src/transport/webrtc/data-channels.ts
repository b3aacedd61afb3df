/** Data channels (RFC 8831, RFC 8832) over werift's SCTP. */

import { RTCSctpTransport } from "werift";
import { as, type Bytes } from "../../core/units.ts";
import type { ChannelName } from "./contract.ts";
import type { PeerTransport } from "./peer-transport.ts";

/** What channels tell. */
export interface ChannelHandlers {
  opened(channel: ChannelName): void;
  /** A message came in; `text` is undefined for a binary one. */
  message(channel: ChannelName, content: string | Uint8Array, size: number): void;
  /** The peer broke the rules, or cannot keep up. */
  failed(reason: string): void;
}

/** Payload protocols, RFC 8831, section 8. */
const PROTOCOL = { control: 50, text: 51, binary: 53, textEmpty: 56, binaryEmpty: 57 } as const;
/** Messages of RFC 8832, section 8.2. */
const OPEN = 3;
const ACKNOWLEDGED = Buffer.of(2);
const OPEN_HEADER = 12;
const PORT = 5000;
const NAMES: ReadonlySet<string> = new Set<ChannelName>(["control", "input"]);
/** A client needs two; more are for nothing. */
const MOST_CHANNELS = 8;
/** What may wait in this process for a client that does not read. */
const MOST_BUFFERED: Bytes = as(1_500_000);
/** How far parts of unfinished messages may exceed the window that the client was told. */
const MOST_EXCESS: Bytes = as(262_144);

/** What werift's SCTP keeps to itself: how it takes a packet, and the room it has left for parts of messages. */
interface SctpInside {
  handleData(packet: Buffer): Promise<void>;
  readonly advertisedRwnd: number;
}

/** The channels that a peer opened. Lifetime: that of its transport. */
export class DataChannels {
  readonly #transport: RTCSctpTransport;
  readonly #handlers: ChannelHandlers;
  readonly #names = new Map<number, ChannelName>();
  readonly #ids = new Map<ChannelName, number>();
  #opened = 0;
  #buffered = 0;

  constructor(transport: PeerTransport, messageBytes: number, handlers: ChannelHandlers) {
    this.#handlers = handlers;
    this.#transport = new RTCSctpTransport(PORT, messageBytes);
    this.#transport.setDtlsTransport(transport.dtls);
    const { sctp } = this.#transport;
    // Its own reading of channels fails in promises that nobody watches.
    sctp.onReceive.allUnsubscribe();
    sctp.onReceive.subscribe((stream, protocol, data) => this.#received(stream, protocol, data));
    sctp.onReconfigStreams.allUnsubscribe();
    sctp.onReconfigStreams.subscribe((streams) => {
      for (const stream of streams) this.#forget(stream);
    });
    const inner = sctp as unknown as SctpInside;
    sctp.transport.onData = (packet) => {
      inner.handleData(packet).catch(() => undefined);
      if (inner.advertisedRwnd + MOST_EXCESS < 0) handlers.failed("messages without an end");
    };
  }

  /** Begin, once DTLS is up. `port` is the peer's. */
  async start(port: number): Promise<void> {
    await this.#transport.start(port);
  }

  /** Send one message in order, once the channel is open. */
  send(channel: ChannelName, text: string): void {
    const id = this.#ids.get(channel);
    if (id === undefined) return;
    const data = Buffer.from(text, "utf8");
    if (this.#buffered + data.length > MOST_BUFFERED) {
      this.#handlers.failed("the client does not read");
      return;
    }
    this.#buffered += data.length;
    this.#write(id, PROTOCOL.text, data).then(
      () => {
        this.#buffered -= data.length;
      },
      () => undefined,
    );
  }

  /** Tell the peer that no more will come. */
  async stop(): Promise<void> {
    await this.#transport.stop().catch(() => undefined);
  }

  #write(stream: number, protocol: number, data: Buffer): Promise<void> {
    return this.#transport.sctp.send(stream, protocol, data, { ordered: true });
  }

  #received(stream: number, protocol: number, data: Buffer): void {
    if (protocol === PROTOCOL.control) {
      if (data[0] === OPEN) this.#open(stream, data);
      return;
    }
    const name = this.#names.get(stream);
    if (name === undefined) return;
    const isText = protocol === PROTOCOL.text || protocol === PROTOCOL.textEmpty;
    const text = protocol === PROTOCOL.text ? data.toString("utf8") : "";
    this.#handlers.message(name, isText ? text : data, data.length);
  }

  #open(stream: number, data: Buffer): void {
    if (data.length < OPEN_HEADER || this.#names.has(stream)) return;
    if (++this.#opened > MOST_CHANNELS) {
      this.#handlers.failed("too many data channels");
      return;
    }
    const length = data.readUInt16BE(8);
    const label = data.subarray(OPEN_HEADER, OPEN_HEADER + length).toString("utf8");
    this.#write(stream, PROTOCOL.control, ACKNOWLEDGED).catch(() => undefined);
    if (!isName(label) || this.#ids.has(label)) return;
    this.#names.set(stream, label);
    this.#ids.set(label, stream);
    this.#handlers.opened(label);
  }

  #forget(stream: number): void {
    const name = this.#names.get(stream);
    if (name === undefined) return;
    this.#names.delete(stream);
    this.#ids.delete(name);
  }
}

const isName = (label: string): label is ChannelName => NAMES.has(label);
