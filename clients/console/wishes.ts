import type { ConnectOptions } from "../web/index.ts";

const CODECS = ["h264", "vp8", "rgb"] as const;

/**
 * What the page's address asks of the stream: `?codec=vp8` one codec instead of the best, `?bitrate=500000`
 * in bits per second, `?markers` frame and epoch ids in the picture, for measuring at the glass.
 */
export function mediaWishes(search: string): NonNullable<ConnectOptions["media"]> {
  const query = new URLSearchParams(search);
  const codec = CODECS.find((each) => each === query.get("codec"));
  const bitrate = Number(query.get("bitrate"));
  return {
    ...(codec && { codecs: [codec] }),
    ...(bitrate > 0 && { bitrate }),
    ...(query.has("markers") && { markers: true }),
  };
}
