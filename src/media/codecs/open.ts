import type { EncoderOptions, VideoEncoder } from "../encoder.ts";
import type { SoundEncoder } from "../sound-encoder.ts";
import { openRawEncoder } from "./raw.ts";

/**
 * Open the encoder for `options.codec`. FFmpeg is loaded when the first one that needs it opens.
 *
 * @throws {StreamError} `encoder_failed` when it cannot be opened.
 */
export async function openEncoder(options: EncoderOptions): Promise<VideoEncoder> {
  const { codec } = options;
  if (codec === "rgb") return openRawEncoder(options);
  const { openNodeAvEncoder } = await import("./node-av.ts");
  return openNodeAvEncoder({ ...options, codec });
}

/**
 * Open the sound encoder; FFmpeg is loaded then.
 *
 * @throws {StreamError} `encoder_failed` when it cannot be opened.
 */
export async function openSoundEncoder(): Promise<SoundEncoder> {
  const { openOpusEncoder } = await import("./opus.ts");
  return openOpusEncoder();
}
