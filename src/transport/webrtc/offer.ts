/** Checks an offer of a player or a publisher before anything is made for it (RFC 8866, RFC 9429, RFC 9725). */

import { StreamError } from "../../core/errors.ts";
import type { TargetRules } from "./address-class.ts";
import { isUsable } from "./candidate.ts";
import { type MediaSection, SectionReader } from "./media-section.ts";
import { attribute, checkPwd, checkUfrag, type IceCredentials, sdpLines } from "./sdp-lines.ts";

/** What the client wants: to receive (WHEP), or to send (WHIP). */
export type Purpose = "play" | "publish";

/** An offer that may be answered. */
export interface CheckedOffer extends IceCredentials {
  /** The offer again: known lines only, without weak fingerprints and without candidates that may not be used. */
  readonly sdp: string;
  /** Whether there is video, sound, or a data channel that can be served. */
  readonly video: boolean;
  readonly sound: boolean;
  readonly data: boolean;
  readonly candidates: number;
  /** Candidates that were left out. */
  readonly dropped: number;
}

/** Lines that are kept; the others say nothing to this server. */
const KEPT_LINES: ReadonlySet<string> = new Set(["v", "o", "s", "t", "c", "m", "a"]);
/** Attributes that are kept. */
const KEPT_ATTRIBUTES: ReadonlySet<string> = new Set([
  ...["group", "msid-semantic", "extmap-allow-mixed", "mid", "msid", "bundle-only", "rtcp"],
  ...["ice-ufrag", "ice-pwd", "ice-options", "ice-lite", "candidate", "end-of-candidates"],
  ...["fingerprint", "setup", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "extmap"],
  ...["rtpmap", "fmtp", "rtcp-fb", "ptime", "maxptime", "ssrc", "ssrc-group", "rid", "simulcast"],
  ...["sendrecv", "sendonly", "recvonly", "inactive", "sctp-port", "max-message-size"],
]);

const refused = (why: string): StreamError => new StreamError("bad_request", why);

/**
 * Check `text` and return what may be answered.
 *
 * The cost is bounded by the limits of `sdpLines`; reading stops at the first fault.
 * @throws {StreamError} `message_too_large`; `unsupported_codec` when no codec is ours; `bad_request` otherwise.
 */
export function checkOffer(text: string, purpose: Purpose, rules: TargetRules): CheckedOffer {
  const reader = new OfferReader(rules);
  for (const { type, value } of sdpLines(text)) {
    if (!KEPT_LINES.has(type)) continue;
    if (type === "a") reader.attribute(value);
    else reader.line(type, value);
  }
  return reader.checked(purpose);
}

class OfferReader {
  readonly #rules: TargetRules;
  readonly #session = new SectionReader("session");
  readonly #sections: SectionReader[] = [];
  readonly #kept: string[] = [];
  #candidates = 0;
  #dropped = 0;
  #bundle: readonly string[] | undefined;

  constructor(rules: TargetRules) {
    this.#rules = rules;
  }

  line(type: string, value: string): void {
    if (this.#kept.length === 0 && (type !== "v" || value !== "0")) {
      throw refused("a description begins with v=0");
    }
    if (type === "m") this.#sections.push(new SectionReader(value));
    this.#kept.push(`${type}=${value}`);
  }

  attribute(whole: string): void {
    const [name, value] = attribute(whole);
    if (!KEPT_ATTRIBUTES.has(name)) return;
    if (name === "group") this.#group(value);
    if (name === "candidate" && !this.#candidate(whole)) return;
    const section = this.#sections.at(-1) ?? this.#session;
    if (section.take(name, value)) this.#kept.push(`a=${whole}`);
  }

  #group(value: string): void {
    const [semantics, ...mids] = value.split(" ");
    if (semantics === "BUNDLE") this.#bundle = mids;
  }

  #candidate(whole: string): boolean {
    const usable = isUsable(whole, this.#rules);
    if (usable) this.#candidates += 1;
    else this.#dropped += 1;
    return usable;
  }

  checked(purpose: Purpose): CheckedOffer {
    if (this.#kept.length === 0) throw refused("the description is empty");
    const session = this.#session.section();
    const sections = this.#sections.map((reader) => reader.section()).filter(isActive);
    this.#checkBundle(sections);
    const first = sections[0];
    if (first === undefined) throw refused("the offer has no media section");
    for (const section of sections) checkSecurity(section, session);
    return {
      sdp: `${this.#kept.join("\r\n")}\r\n`,
      ufrag: checkUfrag(first.ufrag ?? session.ufrag ?? ""),
      pwd: checkPwd(first.pwd ?? session.pwd ?? ""),
      ...mediaOf(sections, purpose),
      candidates: this.#candidates,
      dropped: this.#dropped,
    };
  }

  #checkBundle(sections: readonly MediaSection[]): void {
    const mids = sections.map(({ mid }) => mid);
    if (new Set(mids).size < mids.length) throw refused("two media sections have one mid");
    const bundled = new Set(this.#bundle);
    if (mids.every((mid) => mid !== undefined && bundled.has(mid))) return;
    throw refused("every media section needs a mid, and a=group:BUNDLE must name them all");
  }
}

/** Port 0 means that a section is not used, unless it only ever travels in the bundle (RFC 9143). */
const isActive = ({ port, bundleOnly }: MediaSection): boolean => port !== 0 || bundleOnly;

function checkSecurity(section: MediaSection, session: MediaSection): void {
  checkUfrag(section.ufrag ?? session.ufrag ?? "");
  checkPwd(section.pwd ?? session.pwd ?? "");
  if (!section.hasFingerprint && !session.hasFingerprint) {
    throw refused("the offer needs an a=fingerprint of sha-256, sha-384 or sha-512");
  }
  const setup = section.setup ?? session.setup;
  if (setup !== "actpass" && setup !== "active") {
    throw refused("the offer needs a=setup:actpass or a=setup:active");
  }
  if (section.kind !== "application" && !section.rtcpMux) {
    throw refused("every media section needs a=rtcp-mux");
  }
}

function mediaOf(
  sections: readonly MediaSection[],
  purpose: Purpose,
): Pick<CheckedOffer, "video" | "sound" | "data"> {
  const one = purpose === "play" ? "recvonly" : "sendonly";
  const wanted = sections.filter(
    ({ kind, direction }) =>
      kind !== "application" && (direction === one || direction === "sendrecv"),
  );
  if (wanted.length === 0) {
    throw refused(`the offer needs a section of video or audio that is ${one} or sendrecv`);
  }
  const has = (kind: MediaSection["kind"]): boolean =>
    wanted.some((section) => section.kind === kind && section.hasOurCodec);
  const media = { video: has("video"), sound: has("audio") };
  if (!media.video && !media.sound) {
    throw new StreamError(
      "unsupported_codec",
      "none of the offer's codecs can be had: H264 with packetization-mode=1, VP8, opus",
    );
  }
  return { ...media, data: sections.some(({ kind }) => kind === "application") };
}
