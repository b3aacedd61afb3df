import type { MediaCodec } from "../../src/protocol/media-frame.ts";

/** Codec strings that stand for what the server makes; the true one comes with `media.config`. */
const PROBES: readonly (readonly [MediaCodec, string])[] = [
  ["h264", "avc1.42E01F"],
  ["vp8", "vp8"],
];

/**
 * Codecs this browser decodes, best first; `rgb` where WebCodecs is missing, as it is outside a secure
 * context (https or localhost).
 */
export async function decodableCodecs(): Promise<MediaCodec[]> {
  if (!("VideoDecoder" in globalThis)) return ["rgb"];
  const probed = await Promise.all(
    PROBES.map(async ([codec, config]) => ((await isDecodable(config)) ? codec : undefined)),
  );
  const codecs = probed.filter((codec) => codec !== undefined);
  return codecs.length > 0 ? codecs : ["rgb"];
}

async function isDecodable(codec: string): Promise<boolean> {
  const answer = await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).catch(
    () => undefined,
  );
  return answer?.supported === true;
}
