import { StreamError } from "../../core/errors.ts";
import { checkMid, checkPwd, checkUfrag } from "./sdp-lines.ts";

/** One media section of an offer, or what stood before the first one. */
export interface MediaSection {
  readonly kind: "video" | "audio" | "application" | "session";
  readonly port: number;
  readonly bundleOnly: boolean;
  readonly mid: string | undefined;
  readonly direction: Direction;
  readonly ufrag: string | undefined;
  readonly pwd: string | undefined;
  readonly hasFingerprint: boolean;
  readonly setup: string | undefined;
  readonly rtcpMux: boolean;
  /** H264 with packetization-mode=1 (RFC 6184), VP8 (RFC 7741) or Opus (RFC 7587). */
  readonly hasOurCodec: boolean;
}

type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** Characters of a fingerprint: two a byte, and colons between. */
const FINGERPRINTS: Readonly<Record<string, number>> = {
  "sha-256": 32 * 3 - 1,
  "sha-384": 48 * 3 - 1,
  "sha-512": 64 * 3 - 1,
};
const MEDIA = /^(audio|video) (\d{1,5}) UDP\/TLS\/RTP\/SAVPF((?: \d{1,3}){1,64})$/;
const DATA = /^(application) (\d{1,5}) (?:UDP\/)?DTLS\/SCTP (?:webrtc-datachannel|\d{1,5})$/;

const refused = (why: string): StreamError => new StreamError("bad_request", why);

/** Gathers the attributes of one section. */
export class SectionReader {
  readonly #kind: MediaSection["kind"];
  readonly #port: number;
  readonly #types: ReadonlySet<string>;
  /** Payload types by what they carry. */
  readonly #codecs = new Map<string, string>();
  readonly #modeOne = new Set<string>();
  #bundleOnly = false;
  #mid: string | undefined;
  #direction: Direction = "sendrecv";
  #ufrag: string | undefined;
  #pwd: string | undefined;
  #hasFingerprint = false;
  #setup: string | undefined;
  #rtcpMux = false;

  /** @param line - value of the `m=` line, or "session". @throws {StreamError} `bad_request`. */
  constructor(line: string) {
    if (line === "session") {
      this.#kind = "session";
      this.#port = 0;
      this.#types = new Set();
      return;
    }
    const [, kind, port = "", types = ""] = MEDIA.exec(line) ?? DATA.exec(line) ?? [];
    if (kind === undefined || Number(port) > 65_535) {
      throw refused("a media section is not of WebRTC");
    }
    this.#kind = kind as MediaSection["kind"];
    this.#port = Number(port);
    this.#types = new Set(types.trim().split(" "));
  }

  /** Take an attribute; false when it should not be kept. @throws {StreamError} `bad_request`. */
  take(name: string, value: string): boolean {
    switch (name) {
      case "ice-ufrag":
        this.#ufrag = checkUfrag(value);
        return true;
      case "ice-pwd":
        this.#pwd = checkPwd(value);
        return true;
      case "mid":
        this.#mid = checkMid(value);
        return true;
      case "fingerprint":
        return this.#fingerprint(value);
      case "setup":
        this.#setup = value;
        return true;
      case "rtpmap":
      case "fmtp":
        return this.#format(name, value);
      default:
        this.#flag(name);
        return true;
    }
  }

  #flag(name: string): void {
    switch (name) {
      case "sendrecv":
      case "sendonly":
      case "recvonly":
      case "inactive":
        this.#direction = name;
        return;
      case "rtcp-mux":
        this.#rtcpMux = true;
        return;
      case "bundle-only":
        this.#bundleOnly = true;
        return;
    }
  }

  /** A weak hash is left out; one that lies about its length is refused. */
  #fingerprint(value: string): boolean {
    const [hash = "", digits = ""] = value.split(" ", 2);
    const length = FINGERPRINTS[hash.toLowerCase()];
    if (length === undefined) return false;
    if (digits.length !== length || !/^[0-9A-F]{2}(?::[0-9A-F]{2})*$/i.test(digits)) {
      throw refused("the fingerprint cannot be read");
    }
    this.#hasFingerprint = true;
    return true;
  }

  #format(name: string, value: string): boolean {
    const space = value.indexOf(" ");
    const type = value.slice(0, space);
    const rest = value.slice(space + 1);
    if (space < 1 || !this.#types.has(type)) return false;
    if (name === "rtpmap") this.#codecs.set(type, rest.toLowerCase());
    else if (/(?:^|;)\s*packetization-mode=1\s*(?:;|$)/.test(rest)) this.#modeOne.add(type);
    return true;
  }

  section(): MediaSection {
    return {
      kind: this.#kind,
      port: this.#port,
      bundleOnly: this.#bundleOnly,
      mid: this.#mid,
      direction: this.#direction,
      ufrag: this.#ufrag,
      pwd: this.#pwd,
      hasFingerprint: this.#hasFingerprint,
      setup: this.#setup,
      rtcpMux: this.#rtcpMux,
      hasOurCodec: [...this.#codecs].some(([type, codec]) => this.#isOurs(type, codec)),
    };
  }

  #isOurs(type: string, codec: string): boolean {
    if (this.#kind === "audio") return codec === "opus/48000/2";
    return codec === "vp8/90000" || (codec === "h264/90000" && this.#modeOne.has(type));
  }
}
