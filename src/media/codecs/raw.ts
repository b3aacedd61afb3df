import type { EncoderOptions, VideoEncoder } from "../encoder.ts";

/** The raw picture as its own packet: every one is a key packet. For tests and clients without WebCodecs. */
export const openRawEncoder = (options: EncoderOptions): VideoEncoder => ({
  options,
  encode: (rgb) => Promise.resolve({ data: rgb.slice(), key: true }),
  close: () => undefined,
});
