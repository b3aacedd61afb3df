/** A viewer behind a network with a queue, in time that a test moves: what the sender makes of it, end to end. */

import type { RtpHeader } from "werift";
import { idleLink, type LinkConditions, pass } from "../../bench/relay/link.ts";
import { as, type BitsPerSecond, type Micros, type Millis } from "../../src/core/units.ts";
import { climb, type LadderState, rungsOf, topOfLadder } from "../../src/media/ladder.ts";
import type { AgreedMedia } from "../../src/transport/webrtc/negotiation.ts";
import { NtpClock } from "../../src/transport/webrtc/ntp.ts";
import { OutgoingMedia } from "../../src/transport/webrtc/outgoing-media.ts";
import { OutgoingStream } from "../../src/transport/webrtc/outgoing-stream.ts";
import { SentLog } from "../../src/transport/webrtc/sent-log.ts";
import { ManualClock } from "./manual-clock.ts";
import { feedbackMessage } from "./transport-feedback.ts";

const TRANSPORT_SEQUENCE = 5;
/** Milliseconds between two pictures, between two packets of sound, between two reports, and of the way there. */
const PICTURE = 1000 / 30;
const SOUND = 20;
const REPORT = 60;
const WAY = 5;
/** A key picture has the size of so many others. */
const KEY = 6;
const HEADERS = 52;
const RATE = 90_000;

const media: AgreedMedia = {
  ...{ kind: "video", mid: "0", rtx: 97, feedback: ["transport-cc", "nack"], reducedSize: true },
  format: { payloadType: 96, name: "VP8", rate: RATE, channels: 1, parameters: {} },
  extensions: { transportSequence: TRANSPORT_SEQUENCE },
} as unknown as AgreedMedia;

/** A picture or a packet of sound that arrived: when it was made, and how old it was then, in milliseconds. */
export interface Delivered {
  readonly made: number;
  readonly age: number;
}

/** What a packet belongs to, and how long it waited to leave, in milliseconds. */
interface Leaving {
  readonly delivered: Delivered[];
  readonly waited: number;
}

/** A sender whose pictures, at the bitrate of the viewer's rung, and sound go over one link. */
export class NarrowNetwork {
  conditions: LinkConditions = { delay: WAY };
  readonly pictures: Delivered[] = [];
  readonly sound: Delivered[] = [];
  readonly #clock = new ManualClock();
  readonly #stop = new AbortController();
  readonly #media: OutgoingMedia;
  readonly #rungs: readonly BitsPerSecond[];
  readonly #arrivals: { sequence: number; at: number | undefined }[] = [];
  #ladder: LadderState = topOfLadder;
  #link = idleLink;
  #needsKey = true;
  #due = { picture: 0, sound: 0, report: REPORT };

  constructor(bitrate: number) {
    const log = new SentLog();
    const ntp = new NtpClock(this.#clock, () => this.#clock.now());
    const stream = (agreed: AgreedMedia, delivered: Delivered[]) => {
      const sendRtp = (payload: Uint8Array, header: RtpHeader): number => {
        const waited = (made.clock.at(this.#micros) - header.timestamp) / (RATE / 1000);
        return this.#carry(payload, header, { delivered, waited });
      };
      const shared = {
        transport: { sendRtp },
        log,
        ntp,
        cname: "test",
        mostDelay: as<Millis>(200),
      };
      const made = new OutgoingStream(agreed, shared);
      return made;
    };
    const most = { startBitrate: 1.5 * bitrate, maxBitrate: 1.5 * bitrate };
    this.#rungs = rungsOf(as(bitrate));
    this.#media = new OutgoingMedia(
      {
        options: { clock: this.#clock, iceServers: [], delay: "default", ...most },
        codec: "vp8",
        video: stream(media, this.pictures),
        sound: stream({ ...media, kind: "audio", rtx: undefined }, this.sound),
        ...{ log, ntp, hasFineFeedback: true },
        sendRtcp: () => undefined,
        keyframeWanted: () => {
          this.#needsKey = true;
        },
        rateChanged: (rate) => this.#rateChanged(rate),
      },
      this.#stop.signal,
    );
  }

  /** The bitrate of the viewer's pictures. */
  get bitrate(): number {
    return this.#rungs[this.#ladder.rung] ?? 0;
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#clock.now();
  }

  get #micros(): Micros {
    return as(Math.round(1000 * this.now));
  }

  async run(seconds: number): Promise<void> {
    for (const end = this.now + 1000 * seconds; this.now < end; ) {
      const next = Math.min(end, ...Object.values(this.#due));
      await this.#clock.advance(next - this.now);
      if (this.now >= this.#due.picture) this.#makePicture();
      if (this.now >= this.#due.sound) this.#makeSound();
      if (this.now >= this.#due.report) this.#report();
    }
  }

  close(): void {
    this.#stop.abort();
  }

  #rateChanged(rate: BitsPerSecond): void {
    const before = this.#ladder.rung;
    this.#ladder = climb(this.#ladder, this.#rungs, rate, this.#clock.now());
    if (this.#ladder.rung !== before) this.#needsKey = true;
  }

  #makePicture(): void {
    this.#due.picture += PICTURE;
    const key = this.#needsKey;
    this.#needsKey = false;
    const size = Math.round((this.bitrate * PICTURE) / 8000) * (key ? KEY : 1);
    this.#media.sendVideo({ codec: "vp8", key, pts: this.#micros, data: new Uint8Array(size) });
  }

  #makeSound(): void {
    this.#due.sound += SOUND;
    this.#media.sendSound({ pts: this.#micros, data: new Uint8Array(160) });
  }

  #carry(payload: Uint8Array, header: RtpHeader, { delivered, waited }: Leaving): number {
    const bytes = payload.length + HEADERS;
    const { state, at } = pass(this.#link, this.conditions, { bytes, now: this.now, chance: 1 });
    this.#link = state;
    const sequence = header.extensions.find(({ id }) => id === TRANSPORT_SEQUENCE)?.payload;
    this.#arrivals.push({ sequence: sequence?.readUInt16BE(0) ?? 0, at });
    const isEnd = header.marker || delivered === this.sound;
    const made = this.now - waited;
    if (isEnd && at !== undefined) delivered.push({ made, age: at - made });
    return bytes;
  }

  /** Tell of what has arrived by now, and of what can arrive no more. */
  #report(): void {
    this.#due.report += REPORT;
    const last = this.#arrivals.findLastIndex(({ at }) => at !== undefined && at <= this.now - WAY);
    if (last === -1) return;
    this.#media.receive(feedbackMessage(this.#arrivals.splice(0, last + 1)));
  }
}
