import type { Millis } from "../../src/core/units.ts";

/** What a connection's network and player counted so far; rates are over the time since the sample before. */
export interface NetworkSample {
  readonly roundTrip?: Millis;
  /** Bytes of media since the sample before. */
  readonly bytes?: number;
  /** Share of packets lost for good or asked for again, in [0, 1]. */
  readonly loss?: number;
  readonly packetsLost?: number;
  /** Pictures decoded each second. */
  readonly framesPerSecond?: number;
  readonly framesDropped?: number;
  /** How often the picture stood still noticeably, since the connection began. */
  readonly freezes?: number;
  /** How long a picture waits to be even. */
  readonly jitterBuffer?: Millis;
  /** How long a picture is decoded. */
  readonly decodeTime?: Millis;
  /** Sound minus picture: positive when the sound is late. */
  readonly skew?: Millis;
}
