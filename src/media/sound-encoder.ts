/** The role of a sound encoder. */

/** Samples in one packet: 20 ms at 48 kHz. */
export const PACKET_SAMPLES = 960;
/** Duration of one packet, microseconds. */
export const PACKET_MICROS = 20_000;

/**
 * Turns sound into Opus packets (RFC 6716) of 20 ms, none held back. Decoded sound comes 2.5 ms late
 * (the pre-skip).
 *
 * Lifetime: until `close`. Packets follow one another in time; after a pause in the sound the encoder goes
 * on from what it last heard.
 */
export interface SoundEncoder {
  /**
   * Encode one packet.
   *
   * Shapes: `pcm` is float32 [960], mono, 48 kHz. Owns: the packet is the receiver's.
   * @throws {StreamError} `encoder_failed`.
   */
  encode(pcm: Float32Array): Uint8Array;
  close(): void;
}
