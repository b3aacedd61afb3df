/** What of an offer is taken: pure choices, no network (RFC 8829, section 5.3; RFC 8843 for bundles). */

import { StreamError } from "../../core/errors.ts";
import type { RtcVideoCodec } from "./contract.ts";
import { readCredentials, usableCandidates } from "./ice.ts";
import {
  type Attribute,
  allOf,
  firstOf,
  formatsOf,
  type MediaSection,
  parameterOf,
  type RtpFormat,
  readSdp,
  type Sdp,
} from "./sdp.ts";
import type { IceCredentials } from "./sdp-lines.ts";

/** Header extensions (RFC 8285) in use, by what they are for. */
export const EXTENSIONS = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  sendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  transportSequence: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  playoutDelay: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
} as const;

export type ExtensionName = keyof typeof EXTENSIONS;

/** The offered id of each extension that is taken. */
type ExtensionIds = Partial<Readonly<Record<ExtensionName, number>>>;

/** A stream that was agreed on. */
export interface AgreedMedia {
  readonly kind: "video" | "audio";
  readonly mid: string;
  readonly format: RtpFormat;
  /** Payload type of retransmissions (RFC 4588). */
  readonly rtx: number | undefined;
  readonly extensions: ExtensionIds;
  /** Values of `a=rtcp-fb` that are taken, without the payload type. */
  readonly feedback: readonly string[];
  /** Whether reports may be sent alone (RFC 5506). */
  readonly reducedSize: boolean;
}

/** Data channels that were agreed on. */
interface AgreedData {
  readonly mid: string;
  readonly port: number;
}

/** An offer, and what is taken of it. */
export interface Agreement {
  readonly offer: Sdp;
  /** By the index of their section; all others are refused. */
  readonly media: ReadonlyMap<number, AgreedMedia>;
  readonly data: (AgreedData & { readonly index: number }) | undefined;
  readonly ice: IceCredentials;
  readonly candidates: readonly string[];
  readonly fingerprints: readonly { readonly algorithm: string; readonly value: string }[];
  /** Whether the other side opens DTLS (`a=setup`, RFC 8842). */
  readonly isClient: boolean;
}

/** The direction of media, as this side sees it. */
export type Role = "sender" | "receiver";

const DIRECTIONS: Readonly<Record<Role, readonly string[]>> = {
  sender: ["recvonly", "sendrecv"],
  receiver: ["sendonly", "sendrecv"],
};
const RTP = /^UDP\/TLS\/RTP\/SAVPF?$/;
const SCTP = /^(UDP|TCP)?\/?DTLS\/SCTP$/;
const FEEDBACK = ["nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"];
/** Profiles whose decoders play constrained baseline: baseline, main, extended and high. */
const H264_PROFILES = /^(42|4d|58|64)/i;

/**
 * Choose from an offer.
 *
 * Takes the first usable section of each kind that is in the bundle, and in it the first codec there is.
 * @throws {StreamError} `bad_request` when the offer cannot be answered, `unsupported_codec` when it has neither
 *   picture nor sound that could be taken.
 */
export function negotiate(text: string, role: Role): Agreement {
  const offer = readSdp(text);
  const media = new Map<number, AgreedMedia>();
  let data: Agreement["data"];
  for (const { index, section, mid } of bundled(offer)) {
    const isNew = ![...media.values()].some(({ kind }) => kind === section.kind);
    if (section.kind === "application") {
      if (role === "sender") data ??= agreeData(section, mid, index);
    } else if (RTP.test(section.protocol) && isNew) {
      const agreed = agree(section, mid, role);
      if (agreed !== undefined) media.set(index, agreed);
    }
  }
  if (media.size === 0) {
    throw new StreamError(
      "unsupported_codec",
      "the offer has no picture or sound in H.264, VP8 or Opus for this direction",
    );
  }
  return { offer, media, data, ...transportOf(offer, [...media.keys()]) };
}

function bundled(
  offer: Sdp,
): { readonly index: number; readonly section: MediaSection; readonly mid: string }[] {
  const bundle = bundleOf(offer);
  return offer.sections.flatMap((section, index) => {
    const mid = firstOf(section.attributes, "mid") ?? "";
    return isUsed(section) && bundle.has(mid) ? [{ index, section, mid }] : [];
  });
}

/** Port 0 means that a section is refused, unless it only ever travels in the bundle (RFC 9143, section 6). */
const isUsed = ({ port, attributes }: MediaSection): boolean =>
  port !== 0 || firstOf(attributes, "bundle-only") !== undefined;

function agreeData(section: MediaSection, mid: string, index: number): Agreement["data"] {
  if (!SCTP.test(section.protocol)) return undefined;
  const port = Number(firstOf(section.attributes, "sctp-port") ?? 5000);
  return port > 0 && port < 65_536 ? { mid, port, index } : undefined;
}

/** Names of the sections that share one transport. Without a bundle that is the first one alone. */
function bundleOf(offer: Sdp): ReadonlySet<string> {
  const groups = allOf(offer.attributes, "group").map((value) => value.split(" "));
  const [, ...names] = groups.find(([kind]) => kind === "BUNDLE") ?? [];
  if (names.length > 0) return new Set(names);
  const first = offer.sections.find(isUsed);
  return new Set([first === undefined ? "" : (firstOf(first.attributes, "mid") ?? "")]);
}

function agree(section: MediaSection, mid: string, role: Role): AgreedMedia | undefined {
  const { attributes } = section;
  const directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
  const direction = attributes.find(({ name }) => directions.includes(name))?.name ?? "sendrecv";
  if (!DIRECTIONS[role].includes(direction) || firstOf(attributes, "rtcp-mux") === undefined) {
    return undefined;
  }
  const formats = formatsOf(section);
  const format = section.kind === "video" ? videoFormat(formats) : audioFormat(formats);
  if (format === undefined) return undefined;
  const apt = String(format.payloadType);
  const again = formats.find((other) => other.name === "rtx" && parameterOf(other, "apt") === apt);
  const extensions = extensionsOf(attributes);
  return {
    kind: section.kind === "video" ? "video" : "audio",
    mid,
    format,
    // A publisher sends what is missing under its own number again; that needs no second stream.
    rtx: role === "sender" ? again?.payloadType : undefined,
    extensions,
    feedback: feedbackOf(attributes, apt, extensions, role),
    reducedSize: firstOf(attributes, "rtcp-rsize") !== undefined,
  };
}

const audioFormat = (formats: readonly RtpFormat[]): RtpFormat | undefined =>
  formats.find(({ name, rate }) => name === "opus" && rate === 48_000);

/** The first that there is an encoder for; of H.264 the variant that says constrained baseline, should there be one. */
function videoFormat(formats: readonly RtpFormat[]): RtpFormat | undefined {
  const usable = formats.filter((format) => videoCodecOf(format) !== undefined);
  const first = usable[0];
  if (first?.name !== "h264") return first;
  const isExact = (format: RtpFormat) =>
    format.name === "h264" && /^42[c-f]/i.test(parameterOf(format, "profile-level-id") ?? "");
  return usable.find(isExact) ?? first;
}

/** The codec of `format`, should it be one that travels here. */
export function videoCodecOf(format: RtpFormat): RtcVideoCodec | undefined {
  if (format.rate !== 90_000) return undefined;
  if (format.name === "vp8") return "vp8";
  const isUsable =
    format.name === "h264" &&
    parameterOf(format, "packetization-mode") === "1" &&
    H264_PROFILES.test(parameterOf(format, "profile-level-id") ?? "42");
  return isUsable ? "h264" : undefined;
}

function extensionsOf(attributes: readonly Attribute[]): ExtensionIds {
  const ids: Partial<Record<ExtensionName, number>> = {};
  for (const value of allOf(attributes, "extmap")) {
    const [id = "", uri = ""] = value.split(" ");
    const name = (Object.keys(EXTENSIONS) as ExtensionName[]).find(
      (key) => EXTENSIONS[key] === uri,
    );
    const number = Number(id.split("/")[0]);
    // One-byte headers have room for these ids only.
    if (name !== undefined && number >= 1 && number <= 14) ids[name] = number;
  }
  return ids;
}

function feedbackOf(
  attributes: readonly Attribute[],
  payloadType: string,
  extensions: ExtensionIds,
  role: Role,
): string[] {
  const offered = allOf(attributes, "rtcp-fb").flatMap((value) => {
    const [format, ...rest] = value.split(" ");
    return format === payloadType || format === "*" ? [rest.join(" ")] : [];
  });
  const isFine = offered.includes("transport-cc") && extensions.transportSequence !== undefined;
  return FEEDBACK.filter((name) => {
    if (!offered.includes(name)) return false;
    if (name === "transport-cc") return role === "sender" && isFine;
    if (name === "goog-remb") return role === "receiver" || !isFine;
    return true;
  });
}

/** Where and with which keys; those of the first section that is taken, or of the whole. */
function transportOf(
  offer: Sdp,
  taken: readonly number[],
): Pick<Agreement, "ice" | "candidates" | "fingerprints" | "isClient"> {
  const section = offer.sections[Math.min(...taken)];
  const attributes = [...(section?.attributes ?? []), ...offer.attributes];
  const fingerprints = allOf(attributes, "fingerprint").flatMap((value) => {
    const [algorithm = "", print = ""] = value.split(" ");
    return /^[0-9A-F:]{20,200}$/i.test(print) ? [{ algorithm, value: print }] : [];
  });
  if (fingerprints.length === 0) {
    throw new StreamError("bad_request", "the offer has no DTLS fingerprint");
  }
  const candidates = offer.sections.flatMap((each) => allOf(each.attributes, "candidate"));
  return {
    ice: readCredentials(attributes),
    candidates: usableCandidates(candidates),
    fingerprints,
    isClient: firstOf(attributes, "setup") !== "passive",
  };
}
