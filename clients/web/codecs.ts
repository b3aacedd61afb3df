import type { PictureCodec } from "../../src/protocol/media-frame.ts";

/** Codec strings that stand for what the server makes; the true one comes with `media.config`. */
const PROBES: readonly (readonly [PictureCodec, string])[] = [
  ["h264", "avc1.42E01F"],
  ["vp8", "vp8"],
];

/** Failures in a row, without one picture between them, after which a codec is given up. */
const PATIENCE = 3;

/**
 * Codecs this browser decodes, best first, `rgb` last: raw pictures need no decoder. They are all there is
 * where WebCodecs is missing, as it is outside a secure context (https or localhost).
 */
export async function decodableCodecs(): Promise<PictureCodec[]> {
  if (!("VideoDecoder" in globalThis)) return ["rgb"];
  const probed = await Promise.all(
    PROBES.map(async ([codec, config]) => ((await isDecodable(config)) ? codec : undefined)),
  );
  return [...probed.filter((codec) => codec !== undefined), "rgb"];
}

async function isDecodable(codec: string): Promise<boolean> {
  const answer = await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).catch(
    () => undefined,
  );
  return answer?.supported === true;
}

/** The codecs a session still counts on: one that keeps failing is taken out, however it was probed. */
export class CodecLadder {
  #codecs: readonly PictureCodec[];
  #failures = 0;

  constructor(codecs: readonly PictureCodec[]) {
    this.#codecs = codecs;
  }

  /** A picture came out of the decoder. */
  decoded(): void {
    this.#failures = 0;
  }

  /**
   * The decoder failed on `codec`. Returns the codecs to ask for instead when it is given up, empty when
   * none is left; undefined while it is worth another try.
   */
  failed(codec: PictureCodec): readonly PictureCodec[] | undefined {
    this.#failures += 1;
    if (this.#failures < PATIENCE) return undefined;
    this.#failures = 0;
    this.#codecs = this.#codecs.filter((other) => other !== codec);
    return this.#codecs;
  }
}
