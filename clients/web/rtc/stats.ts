/** Reads a peer connection's statistics (W3C webrtc-stats) into what a session tells. */

import type { NetworkSample } from "../network.ts";

/** The members of the statistics that are read, of all types; each only where the browser has it. */
interface Stat {
  readonly type: string;
  readonly kind?: string;
  readonly bytesReceived?: number;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly nackCount?: number;
  readonly framesDecoded?: number;
  readonly framesDropped?: number;
  readonly framesPerSecond?: number;
  readonly freezeCount?: number;
  readonly totalDecodeTime?: number;
  readonly jitterBufferDelay?: number;
  readonly jitterBufferEmittedCount?: number;
  readonly estimatedPlayoutTimestamp?: number;
  readonly timestamp?: number;
  readonly nominated?: boolean;
  readonly currentRoundTripTime?: number;
}

/** Counters of one moment, all since the connection began. */
interface Counters {
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  readonly nacks: number;
  readonly decoded: number;
  readonly decodeSeconds: number;
  readonly bufferSeconds: number;
  readonly emitted: number;
}

const NONE: Counters = {
  bytes: 0,
  packets: 0,
  lost: 0,
  nacks: 0,
  decoded: 0,
  decodeSeconds: 0,
  bufferSeconds: 0,
  emitted: 0,
};

/** What one reading says. */
export interface RtcReading {
  readonly sample: NetworkSample;
  /** Pictures decoded since the connection began. */
  readonly decoded: number;
}

/** Turns a connection's counters into rates, one reading after the other. Pure. */
export class RtcMeter {
  #before: Counters = NONE;

  /** Read what `RTCPeerConnection.getStats` gave. */
  read(report: Iterable<Stat>): RtcReading {
    const stats = [...report];
    const inbound = stats.filter(({ type }) => type === "inbound-rtp");
    const video = inbound.find(({ kind }) => kind === "video");
    const audio = inbound.find(({ kind }) => kind === "audio");
    const pair = stats.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    const now = countersOf(inbound, video);
    const before = this.#before;
    this.#before = now;
    const since = (name: keyof Counters) => Math.max(0, now[name] - before[name]);
    return {
      decoded: now.decoded,
      sample: present({
        roundTrip: milliseconds(pair?.currentRoundTripTime),
        bytes: since("bytes"),
        loss: lossOf(since("lost"), since("nacks"), since("packets")),
        packetsLost: now.lost,
        framesPerSecond: video?.framesPerSecond,
        framesDropped: video?.framesDropped,
        freezes: video?.freezeCount,
        jitterBuffer: mean(since("bufferSeconds"), since("emitted")),
        decodeTime: mean(since("decodeSeconds"), since("decoded")),
        skew: skewOf(audio, video),
      }),
    };
  }
}

const countersOf = (inbound: readonly Stat[], video: Stat | undefined): Counters => ({
  bytes: sum(inbound, "bytesReceived"),
  packets: sum(inbound, "packetsReceived"),
  lost: sum(inbound, "packetsLost"),
  nacks: sum(inbound, "nackCount"),
  decoded: video?.framesDecoded ?? 0,
  decodeSeconds: video?.totalDecodeTime ?? 0,
  bufferSeconds: video?.jitterBufferDelay ?? 0,
  emitted: video?.jitterBufferEmittedCount ?? 0,
});

const sum = (
  stats: readonly Stat[],
  name: "bytesReceived" | "packetsReceived" | "packetsLost" | "nackCount",
): number => stats.reduce((total, stat) => total + (stat[name] ?? 0), 0);

/** A packet that came only when asked for again was lost, too: it cost a round trip. */
const lossOf = (lost: number, asked: number, received: number): number =>
  received + lost === 0 ? 0 : Math.min(1, Math.max(lost, asked) / (received + lost));

const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000;

const mean = (seconds: number, count: number): number | undefined =>
  count === 0 ? undefined : (seconds / count) * 1000;

/**
 * Sound minus picture. Both timestamps are of the sender's clock and say what is played at the reading's
 * `timestamp`; the one that is behind is late.
 */
function skewOf(audio: Stat | undefined, video: Stat | undefined): number | undefined {
  const [sound, picture] = [audio?.estimatedPlayoutTimestamp, video?.estimatedPlayoutTimestamp];
  if (sound === undefined || picture === undefined || sound === 0 || picture === 0)
    return undefined;
  const between = (audio?.timestamp ?? 0) - (video?.timestamp ?? 0);
  return picture - sound + between;
}

/** The entries that are there. */
const present = (values: { readonly [Name in keyof NetworkSample]: number | undefined }) =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as NetworkSample;
