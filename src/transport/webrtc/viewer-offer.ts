/** An offer of ours: to send pictures and sound to a server that answers (RFC 8829, RFC 9725). */

import { toStreamError } from "../../core/errors.ts";
import type { OfferToViewer, ViewerConnection } from "./contract.ts";
import { EXTENSIONS, type ExtensionName, negotiate } from "./negotiation.ts";
import { randomNames, type StreamNames } from "./outgoing-stream.ts";
import { PeerTransport } from "./peer-transport.ts";
import { randomName, randomSessionId } from "./random.ts";
import type { IceCredentials } from "./sdp-lines.ts";
import { RtcViewer } from "./viewer.ts";

/** A codec as it is offered. */
interface OfferedFormat {
  readonly type: number;
  /** Payload type of its retransmissions (RFC 4588). */
  readonly rtx?: number;
  readonly map: string;
  readonly parameters?: string;
}

/** A section as it is offered. */
interface OfferedSection {
  readonly kind: "video" | "audio";
  readonly formats: readonly OfferedFormat[];
  readonly feedback: readonly string[];
  readonly extensions: readonly ExtensionName[];
}

const SECTIONS: readonly OfferedSection[] = [
  {
    kind: "audio",
    formats: [{ type: 111, map: "opus/48000/2", parameters: "minptime=10;useinbandfec=1" }],
    feedback: ["transport-cc"],
    extensions: ["mid", "sendTime", "transportSequence"],
  },
  {
    kind: "video",
    formats: [
      {
        type: 102,
        rtx: 103,
        map: "H264/90000",
        parameters: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
      },
      { type: 96, rtx: 97, map: "VP8/90000" },
    ],
    feedback: ["nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"],
    extensions: ["mid", "sendTime", "transportSequence", "playoutDelay"],
  },
];

/** The same id in every section, as a bundle wants it (RFC 8843, section 9.1). */
const EXTENSION_IDS: Readonly<Record<ExtensionName, number>> = {
  mid: 1,
  sendTime: 2,
  transportSequence: 3,
  playoutDelay: 4,
};

/** What this side brings to the offer. */
interface OfferingSide {
  /** A random number, of 62 bits at most. */
  readonly id: string;
  readonly cname: string;
  readonly ice: IceCredentials;
  readonly candidates: readonly string[];
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  readonly names: Readonly<Record<OfferedSection["kind"], StreamNames>>;
}

/** Write an offer of pictures, H.264 or VP8, and sound; all candidates are inside. */
export function writeOffer(local: OfferingSide): string {
  const lines = [
    "v=0",
    `o=- ${local.id} 1 IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${SECTIONS.map((_, mid) => mid).join(" ")}`,
    "a=extmap-allow-mixed",
    `a=msid-semantic: WMS ${local.cname}`,
    ...SECTIONS.flatMap((section, mid) => [
      ...mediaLines(section, mid),
      ...streamLines(section, local),
      ...transportLines(local, mid === 0),
    ]),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function mediaLines(
  { kind, formats, feedback, extensions }: OfferedSection,
  mid: number,
): string[] {
  const types = formats.flatMap(({ type, rtx }) => (rtx === undefined ? [type] : [type, rtx]));
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${types.join(" ")}`,
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    "a=rtcp-rsize",
    ...formats.flatMap((format) => formatLines(format, feedback)),
    ...extensions.map((name) => `a=extmap:${EXTENSION_IDS[name]} ${EXTENSIONS[name]}`),
  ];
}

function formatLines(
  { type, rtx, map, parameters }: OfferedFormat,
  feedback: readonly string[],
): string[] {
  return [
    `a=rtpmap:${type} ${map}`,
    ...(parameters === undefined ? [] : [`a=fmtp:${type} ${parameters}`]),
    ...feedback.map((value) => `a=rtcp-fb:${type} ${value}`),
    ...(rtx === undefined ? [] : [`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${type}`]),
  ];
}

function streamLines({ kind, formats }: OfferedSection, { cname, names }: OfferingSide): string[] {
  const { ssrc, rtx } = names[kind];
  const hasRtx = formats.some((format) => format.rtx !== undefined);
  return [
    `a=msid:${cname} ${kind}`,
    ...(hasRtx ? [`a=ssrc-group:FID ${ssrc} ${rtx}`] : []),
    ...(hasRtx ? [ssrc, rtx] : [ssrc]).flatMap((each) => [
      `a=ssrc:${each} cname:${cname}`,
      `a=ssrc:${each} msid:${cname} ${kind}`,
    ]),
  ];
}

const transportLines = (
  { ice, fingerprint, candidates }: OfferingSide,
  isFirst: boolean,
): string[] => [
  `a=ice-ufrag:${ice.ufrag}`,
  `a=ice-pwd:${ice.pwd}`,
  `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
  "a=setup:actpass",
  // Candidates of the bundle's first section serve all (RFC 8843, section 10).
  ...(isFirst ? candidates.map((candidate) => `a=candidate:${candidate}`) : []),
  ...(isFirst ? ["a=end-of-candidates"] : []),
];

/** Offer to send over the network: keeps the promises of `ViewerOffer`. */
export const offerToViewer: OfferToViewer = async (options, handlers) => {
  const transport = await PeerTransport.prepare(options, "controlling");
  const cname = randomName();
  const names = { video: randomNames(), audio: randomNames() };
  const accept = (answer: string): ViewerConnection => {
    try {
      const agreement = negotiate(answer, "sender");
      transport.meet(agreement);
      return RtcViewer.begin({ agreement, transport, answer, cname, names }, options, handlers);
    } catch (cause) {
      transport.close("the answer cannot be used");
      throw toStreamError(cause, "bad_request", "refuse");
    }
  };
  const { credentials: ice, candidates, fingerprint } = transport;
  const local = { id: randomSessionId(), cname, ice, candidates, fingerprint, names };
  return {
    offerSdp: writeOffer(local),
    accept,
    close: () => {
      transport.close("the offer was not taken");
    },
  };
};
