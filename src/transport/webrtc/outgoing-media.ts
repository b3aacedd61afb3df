/** All that one viewer is sent: paced, repeated when missed, and no more than the viewer can take. */

import type { Clock } from "../../core/clock.ts";
import { as, type BitsPerSecond, type Bytes, type Millis } from "../../core/units.ts";
import { CongestionController } from "./congestion.ts";
import type {
  OutgoingSound,
  OutgoingVideo,
  RtcOptions,
  RtcStats,
  RtcVideoCodec,
} from "./contract.ts";
import { packetiseH264 } from "./h264.ts";
import { type NtpClock, ntpMiddle } from "./ntp.ts";
import type { OutgoingPacket, OutgoingStream } from "./outgoing-stream.ts";
import { Pacer } from "./pacer.ts";
import type { Probe } from "./prober.ts";
import { RepeatBudget } from "./repeat-budget.ts";
import { type ReportBlock, type Rtcp, readRtcp } from "./rtcp.ts";
import type { PacketFate, SentLog } from "./sent-log.ts";
import { MediaTimeline } from "./timeline.ts";
import { PICTURE_IDS, packetiseVp8 } from "./vp8.ts";

/** What the media is made of. */
export interface MediaParts {
  readonly options: RtcOptions;
  readonly codec: RtcVideoCodec | undefined;
  readonly video: OutgoingStream | undefined;
  readonly sound: OutgoingStream | undefined;
  readonly log: SentLog;
  readonly ntp: NtpClock;
  /** Whether packets are reported one by one. */
  readonly hasFineFeedback: boolean;
  sendRtcp(packet: Buffer): void;
  keyframeWanted(): void;
  rateChanged(bitrate: BitsPerSecond): void;
}

/** Most bytes of a payload, so that a datagram stays under 1200 bytes, retransmissions included. */
const MOST_PAYLOAD = 1140;
/** Key pictures are asked for this seldom. */
const KEY_EVERY: Millis = as(300);
/** Sender reports come this long after one another; the last goes on for ever. */
const REPORTS: readonly Millis[] = [as(20), as(230), as(1_000)];
/** The estimate is told this often, and in between when it changed by so much: what hears it may wait for time to pass. */
const TELL_EVERY: Millis = as(1_000);
const TELL_CHANGES_EVERY: Millis = as(200);
const CHANGE = 0.02;
/** The shortest sleep between packets. */
const NAP: Millis = as(1);
const PROBE_NAP: Millis = as(5);

/** H.264 payloads are the same for every viewer of a rendition. */
const shared = new WeakMap<Uint8Array, readonly Uint8Array[]>();

/** Lifetime: from the connection until `signal` aborts. */
export class OutgoingMedia {
  readonly #parts: MediaParts;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #timeline = new MediaTimeline();
  readonly #pacer: Pacer<OutgoingPacket>;
  readonly #repeats: RepeatBudget;
  readonly #controller: CongestionController;
  readonly #counts = { packets: 0, bytes: 0, retransmitted: 0, nacks: 0, plis: 0, dropped: 0 };
  readonly #losses = new Map<number, number>();
  #roundTrip: Millis | undefined;
  #needsKey = true;
  #wantedAt: Millis = as(-Infinity);
  #told: { readonly rate: number; readonly at: Millis };
  #soundMoves = 0;
  #pictureId = 0;
  #isPumping = false;
  #sending = { rate: 0, bytes: 0, at: as<Millis>(0) };

  constructor(parts: MediaParts, signal: AbortSignal) {
    const { clock, startBitrate, maxBitrate } = parts.options;
    this.#parts = parts;
    this.#clock = clock;
    this.#signal = signal;
    this.#controller = new CongestionController({
      start: startBitrate,
      most: maxBitrate,
      canProbe: parts.hasFineFeedback && parts.video?.rtxSsrc !== undefined,
    });
    this.#pacer = new Pacer(this.#controller.target, clock.now());
    this.#repeats = new RepeatBudget(this.#controller.target, clock.now());
    this.#told = { rate: this.#controller.target, at: clock.now() };
  }

  /** Begin to report. */
  start(): void {
    this.#sending.at = this.#clock.now();
    void this.#report();
  }

  sendVideo({ codec, key, pts, data }: OutgoingVideo): void {
    const { video } = this.#parts;
    if (video === undefined || codec !== this.#parts.codec) return;
    if (this.#needsKey && !key) {
      this.#drop();
      return;
    }
    const now = this.#clock.now();
    const due = this.#timeline.place(pts, now);
    const packets = video.packets(this.#payloads(codec, data), due, key);
    this.#needsKey = !this.#pacer.pushVideo(packets, key);
    if (this.#needsKey) this.#drop();
    this.#flush();
  }

  sendSound({ pts, data }: OutgoingSound): void {
    const { sound } = this.#parts;
    if (sound === undefined) return;
    const due = this.#timeline.place(pts, this.#clock.now());
    const { moves } = this.#timeline;
    const isBeginning = moves !== this.#soundMoves;
    this.#soundMoves = moves;
    for (const packet of sound.packets([data], due, isBeginning)) this.#pacer.pushSound(packet);
    this.#flush();
  }

  /** Take in what the viewer reports. */
  receive(packet: Uint8Array): void {
    for (const message of readRtcp(packet)) this.#take(message);
    const probe = this.#controller.probe(this.#clock.now());
    if (probe !== undefined) void this.#send(probe);
    this.#tellRate();
  }

  stats(): RtcStats {
    const { bytes, ...counts } = this.#counts;
    return {
      ...(this.#roundTrip !== undefined && { roundTrip: this.#roundTrip }),
      loss: Math.max(0, ...this.#losses.values()),
      ...counts,
      bytes: as<Bytes>(bytes),
      estimate: as<BitsPerSecond>(this.#controller.target),
      sending: as<BitsPerSecond>(this.#sending.rate),
    };
  }

  #payloads(codec: RtcVideoCodec, data: Uint8Array): readonly Uint8Array[] {
    if (codec === "vp8") {
      this.#pictureId = (this.#pictureId + 1) % PICTURE_IDS;
      return packetiseVp8(data, this.#pictureId, MOST_PAYLOAD);
    }
    const known = shared.get(data);
    if (known !== undefined) return known;
    const payloads = packetiseH264(data, MOST_PAYLOAD);
    shared.set(data, payloads);
    return payloads;
  }

  #drop(): void {
    this.#counts.dropped += 1;
    this.#wantKey();
  }

  #wantKey(): void {
    const now = this.#clock.now();
    if (now - this.#wantedAt < KEY_EVERY) return;
    this.#wantedAt = now;
    this.#parts.keyframeWanted();
  }

  #take(message: Rtcp): void {
    const now = this.#clock.now();
    switch (message.kind) {
      case "report":
        for (const block of message.blocks) this.#takeReport(block, now);
        return;
      case "nack":
        this.#repeat(message.ssrc, message.sequences, now);
        return;
      case "keyframe":
        this.#counts.plis += 1;
        this.#wantKey();
        return;
      case "transport":
        this.#takeFates(this.#parts.log.fates(message.feedback.arrivals), now);
        return;
      case "remb":
        if (!this.#parts.hasFineFeedback) this.#controller.receiverEstimate(message.bitrate);
        return;
      case "sender":
      case "bye":
        return;
    }
  }

  #takeFates(fates: readonly PacketFate[], now: Millis): void {
    const inFlight = this.#parts.log.inFlight(fates.at(-1)?.sentAt ?? now);
    const held = this.#controller.feedback(fates, now, inFlight);
    this.#pacer.target = this.#controller.target;
    this.#pacer.isNarrow = this.#controller.isNarrow;
    if (held > 0) this.#pacer.hold(held);
  }

  #takeReport({ ssrc, loss, lastReport, sinceReport }: ReportBlock, now: Millis): void {
    this.#losses.set(ssrc, loss);
    if (this.#losses.size > 8) this.#losses.clear();
    if (!this.#parts.hasFineFeedback && ssrc === this.#parts.video?.ssrc) {
      this.#controller.reportedLoss(loss, now);
    }
    if (lastReport === 0) return;
    const passed = (ntpMiddle(this.#parts.ntp.seconds(now)) - lastReport - sinceReport) >>> 0;
    // A negative one has wrapped.
    if (passed < 2 ** 31) this.#roundTrip = as((passed * 1000) / 65_536);
  }

  #repeat(ssrc: number, sequences: readonly number[], now: Millis): void {
    const { video } = this.#parts;
    if (video?.ssrc !== ssrc) return;
    this.#counts.nacks += sequences.length;
    for (const sequence of sequences) {
      const bytes = this.#repeats.isOpen(now)
        ? video.sendAgain(sequence, now, this.#roundTrip)
        : undefined;
      if (bytes === undefined) this.#wantKey();
      if (bytes === undefined || bytes === 0) continue;
      this.#repeats.spend(bytes);
      this.#counts.retransmitted += 1;
      this.#count(bytes);
      this.#pacer.spend(bytes);
    }
  }

  /** Fill up with repeated packets what media leaves of a probe's rate. */
  async #send(probe: Probe): Promise<void> {
    const before = this.#counts.bytes;
    try {
      for (let now = probe.from; now < probe.to; now = this.#clock.now()) {
        const due = (probe.rate * (now - probe.from)) / 8000;
        while (this.#counts.bytes - before < due) {
          const bytes = this.#parts.video?.sendPadding(now);
          if (bytes === undefined) return;
          this.#count(bytes);
        }
        await this.#clock.sleep(PROBE_NAP, this.#signal);
      }
    } catch {
      // Only the end of the connection interrupts the sleep.
    }
  }

  #tellRate(): void {
    const now = this.#clock.now();
    const rate = this.#controller.target;
    this.#pacer.target = rate;
    this.#repeats.target = rate;
    const change = Math.abs(rate - this.#told.rate) / this.#told.rate;
    if (now - this.#told.at < (change < CHANGE ? TELL_EVERY : TELL_CHANGES_EVERY)) return;
    this.#told = { rate, at: now };
    this.#parts.rateChanged(as(rate));
  }

  /** Send what may leave now, and see to the rest. */
  #flush(): void {
    const now = this.#clock.now();
    for (let item = this.#pacer.take(now); item !== undefined; item = this.#pacer.take(now)) {
      this.#count(item.stream.send(item, now));
      this.#counts.packets += 1;
    }
    if (this.#pacer.wait(now) !== undefined && !this.#isPumping) void this.#pump();
  }

  #count(bytes: number): void {
    this.#counts.bytes += bytes;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      for (;;) {
        const wait = this.#pacer.wait(this.#clock.now());
        if (wait === undefined) return;
        await this.#clock.sleep(as(Math.max(NAP, wait)), this.#signal);
        this.#flush();
      }
    } catch {
      // Only the end of the connection interrupts the sleep.
    } finally {
      this.#isPumping = false;
    }
  }

  async #report(): Promise<void> {
    const streams = [this.#parts.video, this.#parts.sound].filter((each) => each !== undefined);
    for (let i = 0; ; i++) {
      try {
        await this.#clock.sleep(
          REPORTS[Math.min(i, REPORTS.length - 1)] ?? as(1_000),
          this.#signal,
        );
      } catch {
        // Only the end of the connection interrupts the sleep.
        return;
      }
      const now = this.#clock.now();
      this.#parts.ntp.follow();
      this.#parts.sendRtcp(Buffer.concat(streams.map((stream) => stream.report(now))));
      this.#meter(now);
    }
  }

  #meter(now: Millis): void {
    const { bytes, at } = this.#sending;
    const elapsed = now - at;
    if (elapsed < 200) return;
    const rate = (8000 * (this.#counts.bytes - bytes)) / elapsed;
    this.#sending = { rate, bytes: this.#counts.bytes, at: now };
  }
}
