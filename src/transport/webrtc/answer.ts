/** The answer to an offer, as text (RFC 8829, RFC 8866). */

import { type AgreedMedia, type Agreement, EXTENSIONS, type ExtensionName } from "./negotiation.ts";
import type { MediaSection } from "./sdp.ts";
import type { IceCredentials } from "./sdp-lines.ts";

/** What this side brings to the answer. */
export interface LocalSide {
  /** A random number, of 62 bits at most. */
  readonly id: string;
  readonly cname: string;
  readonly ice: IceCredentials;
  readonly candidates: readonly string[];
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  readonly direction: "sendonly" | "recvonly";
  /** Most bytes of one message over a data channel. */
  readonly messageBytes: number;
  /** SSRCs of the streams that are sent, by the index of their section. */
  readonly streams: ReadonlyMap<
    number,
    { readonly ssrc: number; readonly rtx: number | undefined }
  >;
}

/** Write the answer. All that was not agreed on is refused, section by section. */
export function writeAnswer(agreement: Agreement, local: LocalSide): string {
  const { offer, media, data } = agreement;
  const mids = [...media].map(([index, { mid }]) => ({ index, mid }));
  if (data !== undefined) mids.push(data);
  mids.sort((a, b) => a.index - b.index);
  const lines = [
    "v=0",
    `o=- ${local.id} 1 IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mids.map(({ mid }) => mid).join(" ")}`,
    `a=msid-semantic: WMS ${local.cname}`,
  ];
  for (const [index, section] of offer.sections.entries()) {
    const agreed = media.get(index);
    const isFirst = index === mids[0]?.index;
    if (agreed !== undefined) {
      lines.push(...mediaLines(section, agreed, local, local.streams.get(index)));
    } else if (data?.index === index) {
      lines.push(...dataLines(section, data.mid, local));
    } else {
      lines.push(...refused(section));
      continue;
    }
    lines.push(...transportLines(agreement, local, isFirst));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function transportLines(agreement: Agreement, local: LocalSide, isFirst: boolean): string[] {
  const { ice, fingerprint } = local;
  return [
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    "a=ice-options:trickle",
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    `a=setup:${agreement.isClient ? "passive" : "active"}`,
    // Candidates of the bundle's first section serve all (RFC 8843, section 10).
    ...(isFirst ? local.candidates.map((candidate) => `a=candidate:${candidate}`) : []),
    ...(isFirst ? ["a=end-of-candidates"] : []),
  ];
}

function mediaLines(
  section: MediaSection,
  agreed: AgreedMedia,
  local: LocalSide,
  stream: { readonly ssrc: number; readonly rtx: number | undefined } | undefined,
): string[] {
  const { format, rtx } = agreed;
  const type = format.payloadType;
  const types = rtx === undefined ? `${type}` : `${type} ${rtx}`;
  return [
    `m=${agreed.kind} 9 ${section.protocol} ${types}`,
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    `a=mid:${agreed.mid}`,
    `a=${local.direction}`,
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    ...(agreed.reducedSize ? ["a=rtcp-rsize"] : []),
    `a=rtpmap:${type} ${format.map}`,
    ...(format.parameters === undefined ? [] : [`a=fmtp:${type} ${format.parameters}`]),
    ...agreed.feedback.map((value) => `a=rtcp-fb:${type} ${value}`),
    ...(rtx === undefined
      ? []
      : [`a=rtpmap:${rtx} rtx/${format.rate}`, `a=fmtp:${rtx} apt=${type}`]),
    ...Object.entries(agreed.extensions).map(
      ([name, id]) => `a=extmap:${id} ${EXTENSIONS[name as ExtensionName]}`,
    ),
    ...(stream === undefined ? [] : streamLines(agreed.kind, local.cname, stream)),
  ];
}

function streamLines(
  kind: string,
  cname: string,
  { ssrc, rtx }: { readonly ssrc: number; readonly rtx: number | undefined },
): string[] {
  return [
    `a=msid:${cname} ${kind}`,
    ...(rtx === undefined ? [] : [`a=ssrc-group:FID ${ssrc} ${rtx}`]),
    `a=ssrc:${ssrc} cname:${cname}`,
    ...(rtx === undefined ? [] : [`a=ssrc:${rtx} cname:${cname}`]),
  ];
}

function dataLines(section: MediaSection, mid: string, local: LocalSide): string[] {
  return [
    `m=application 9 ${section.protocol} webrtc-datachannel`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    "a=sctp-port:5000",
    `a=max-message-size:${local.messageBytes}`,
  ];
}

function refused(section: MediaSection): string[] {
  const mid = section.attributes.find(({ name }) => name === "mid")?.value;
  return [
    `m=${section.kind} 0 ${section.protocol} ${section.formats[0] ?? "0"}`,
    "c=IN IP4 0.0.0.0",
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
    "a=inactive",
  ];
}
