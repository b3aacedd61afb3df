/** Offers as browsers write them, for tests that break them. */

const SECURITY = [
  "a=ice-ufrag:aB3+",
  "a=ice-pwd:0123456789abcdefghijKL/+",
  "a=ice-options:trickle",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(":")}`,
  "a=setup:actpass",
];

const section = (media: string, mid: string, lines: readonly string[]): string[] => [
  media,
  "c=IN IP4 0.0.0.0",
  ...SECURITY,
  `a=mid:${mid}`,
  ...lines,
];

/** What a test may change about an offer. */
export interface OfferWish {
  readonly direction?: string;
  readonly video?: readonly string[];
  readonly candidates?: readonly string[];
}

/** Formats of H.264 and VP8. */
export const VIDEO = [
  "a=rtpmap:96 VP8/90000",
  "a=rtcp-fb:96 nack pli",
  "a=rtpmap:97 H264/90000",
  "a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
];

/** A candidate of a host at `address`. */
export const candidateAt = (address: string, port = 50_000): string =>
  `candidate:1 1 udp 2113937151 ${address} ${port} typ host generation 0 network-cost 999`;

/** An offer with video, audio and a data channel. */
export function offerOf(wish: OfferWish = {}): string {
  const { direction = "recvonly", video = VIDEO, candidates = [] } = wish;
  const found = candidates.map((candidate) => `a=${candidate}`);
  return [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0 1 2",
    "a=msid-semantic: WMS",
    ...section("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "0", [
      `a=${direction}`,
      "a=rtcp-mux",
      ...video,
      ...found,
    ]),
    ...section("m=audio 9 UDP/TLS/RTP/SAVPF 111", "1", [
      `a=${direction}`,
      "a=rtcp-mux",
      "a=rtpmap:111 opus/48000/2",
    ]),
    ...section("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "2", ["a=sctp-port:5000"]),
    "",
  ].join("\r\n");
}
