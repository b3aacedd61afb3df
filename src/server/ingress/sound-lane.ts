import type { Clock } from "../../core/clock.ts";
import type { SoundDecoder } from "../../media/codecs/decode.ts";
import { Decimator, FACTOR } from "../../media/sound/decimator.ts";
import { SampleRing, type Samples } from "../../media/sound/sample-ring.ts";
import { SAMPLE_RATE } from "../../media/sound/test-signal.ts";
import { RateLimit } from "../../transport/rate-limit.ts";
import type { IncomingSound } from "../../transport/webrtc/contract.ts";

/** Samples a second that a model may ask for. */
export type IngressRate = 48_000 | 16_000;

/** What comes in, in numbers. */
export interface SoundFigures {
  readonly codec: "opus";
  /** Loudness (RMS) of the last 400 ms, dB below full scale; −127 is silence. */
  readonly level_dbfs: number;
  readonly packets: number;
  /** Packets that were broken, late, or too many. */
  readonly dropped: number;
}

/** Seconds that are kept. */
const KEPT = 10;
const SILENCE = -127;
const LEVEL_SAMPLES = SAMPLE_RATE * 0.4;
/** Packets of 2.5 ms come 400 times a second; nobody sends shorter ones (RFC 6716). */
const PACKETS = { perSecond: 420, burst: 200 } as const;

/**
 * Decodes one publisher's sound and keeps its last ten seconds. Where packets are missing there is silence, so
 * that sample numbers are time.
 *
 * Lifetime: until `close`.
 */
export class SoundLane {
  readonly #ring = new SampleRing(KEPT * SAMPLE_RATE);
  readonly #thin = new SampleRing((KEPT * SAMPLE_RATE) / FACTOR);
  readonly #decimator = new Decimator();
  readonly #limit: RateLimit;
  #decoder: SoundDecoder | undefined;
  #next: number | undefined;
  #packets = 0;
  #dropped = 0;

  /** Owns `decoder`. */
  constructor(clock: Clock, decoder: SoundDecoder) {
    this.#limit = new RateLimit(clock, PACKETS);
    this.#decoder = decoder;
  }

  /** The sound from sample `since` on, as far as it is kept. */
  read(since: number, rate: IngressRate): Samples {
    return (rate === SAMPLE_RATE ? this.#ring : this.#thin).read(since);
  }

  get figures(): SoundFigures | undefined {
    if (this.#packets === 0) return undefined;
    const { samples } = this.#ring.read(this.#ring.end - LEVEL_SAMPLES);
    return {
      codec: "opus",
      level_dbfs: levelOf(samples),
      packets: this.#packets,
      dropped: this.#dropped,
    };
  }

  push(packet: IncomingSound): void {
    if (!this.#limit.take() || this.#decoder === undefined || !this.#fill(packet.rtpTime)) {
      this.#dropped += 1;
      return;
    }
    try {
      const samples = this.#decoder.decode(packet.data);
      this.#write(samples);
      this.#next = (packet.rtpTime + samples.length) >>> 0;
      this.#packets += 1;
    } catch {
      this.#dropped += 1;
    }
  }

  close(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  /** Put silence where packets are missing; false for a packet whose time is over. RTP times wrap at 32 bits. */
  #fill(rtpTime: number): boolean {
    if (this.#next === undefined) return true;
    const missing = (rtpTime - this.#next) | 0;
    if (missing < 0) return missing < -SAMPLE_RATE;
    // A longer gap is another sound.
    if (missing > 0 && missing <= KEPT * SAMPLE_RATE) this.#write(new Float32Array(missing));
    return true;
  }

  #write(samples: Float32Array): void {
    this.#ring.write(samples);
    this.#thin.write(this.#decimator.decimate(samples));
  }
}

function levelOf(samples: Float32Array): number {
  if (samples.length === 0) return SILENCE;
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(SILENCE, Math.round(10 * Math.log10(power) * 10) / 10);
}
